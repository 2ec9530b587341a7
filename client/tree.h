/* tree.h - the questions of the decision tree, with their answers and the evidence. */
#ifndef CLIENT_TREE_H
#define CLIENT_TREE_H

#include "client/json.h"

/* route: {lane, questions: [{question, answer, evidence}]} */
void tree_print(struct span route, struct buf *out);

#endif
