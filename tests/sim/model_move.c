/* model_move.c - types that change their lane, and the jobs that follow them. */
#include "tests/sim/model.h"

#include <string.h>

void
model_move(struct model *m, int type, enum lane from, enum lane to)
{
	if (from == to)
		return;
	m->moved_to[type][to] = 0;
	m->moved_to[type][from] = to == LANE_INLINE ? 0 : (int)to + 1;
}

/* In line, and neither bound to its lane by its own wish nor by a suspicion. */
static bool
follows(const struct model *m, const struct model_job *j)
{
	return j->state == JOB_ready && model_record_open(j) && !j->asks && j->suspicions == 0 && model_open(m, j);
}

void
model_repool(struct model *m, int type, int pool)
{
	if (m->type_pool[type] == pool)
		return;
	m->type_pool[type] = pool;
	for_jobs(m, j) {
		if (j->type != type)
			continue;
		memset(j->unfair, 0, sizeof(j->unfair));
		memset(j->passed, 0, sizeof(j->passed));
	}
}

/* In its new lane its queue waits for its turn anew, and so does its tenant. */
void
model_lanes(struct model *m)
{
	for_jobs(m, j)
		while (follows(m, j) && m->moved_to[j->type][j->lane] != 0) {
			j->lane = (enum lane)(m->moved_to[j->type][j->lane] - 1);
			memset(j->unfair, 0, sizeof(j->unfair));
			memset(j->passed, 0, sizeof(j->passed));
		}
}
