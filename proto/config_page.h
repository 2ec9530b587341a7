/*
 * config_page.h - what is written of the options for people, made of their rows: the manual page
 * jobd.conf(5), and the file jobd.conf with all of them commented out.
 */
#ifndef PROTO_CONFIG_PAGE_H
#define PROTO_CONFIG_PAGE_H

struct buf;

void config_page_manual(struct buf *out);
void config_page_file(struct buf *out);

#endif
