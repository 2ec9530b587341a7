/* empty.c - a shared object that is no plugin.  For tests; never installed. */
extern const int	not_a_plugin;
const int		not_a_plugin = 1;
