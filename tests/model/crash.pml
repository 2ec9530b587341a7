/*
 * crash.pml - a worker dies at any point; is each outcome recorded once, and does a job never run twice at
 * the same time?
 *
 * The broker's table of what is in flight is private.  When a worker's death is confirmed (its pidfd), what
 * it had published is harvested, what is left goes back to the front of the queue in its order, and the
 * next incarnation gets fresh regions.
 *
 * NO_FINAL_HARVEST: also right, but wastes work that was done.
 * Mutations: REQUEUE_ON_TIMEOUT: a worker that is late is taken for dead without being so;
 * NO_TABLE: completions are believed without the table of what is in flight, and regions of dead workers
 * are read after their jobs went back.
 */
#ifdef NO_TABLE
#define NO_FINAL_HARVEST
#endif
#ifndef JOBS
#define JOBS 3
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define WINDOW		2
#define INCARNATIONS	(KILLS + 1)
#define NONE		255

chan sq[INCARNATIONS] = [WINDOW] of { byte };
chan cq[INCARNATIONS] = [JOBS] of { byte };
bool alive[INCARNATIONS];
byte current[INCARNATIONS];	/* the job that it runs */
byte running[JOBS];		/* attempts that run now */
byte recorded[JOBS];		/* outcomes */
byte ended;		/* incarnations that were killed, or given up */

proctype worker(byte gen)
{
	byte	job = NONE;
end:
	do
	:: atomic { alive[gen] && job == NONE && sq[gen] ? [job] ->
		sq[gen] ? job;
		current[gen] = job;
		running[job]++;
		assert(running[job] == 1) }
	:: atomic { alive[gen] && job != NONE && current[gen] == job ->	/* it returns */
		running[job]--;
		current[gen] = NONE }
	:: atomic { alive[gen] && job != NONE && current[gen] == NONE ->	/* and is published */
		cq[gen] ! job;
		job = NONE }
	:: !alive[gen] -> break
	od
}

inline die(gen)
{
	alive[gen] = false;
	if
	:: current[gen] != NONE ->
		running[current[gen]]--;
		current[gen] = NONE
	:: else
	fi
}

active proctype killer()
{
	byte	victim;
end:
	do
	:: atomic { ended < KILLS ->
		select(victim : 0 .. KILLS);
		if
		:: alive[victim] -> die(victim); ended++
		:: else
		fi }
	:: ended == KILLS -> break
	od
}

inline start()
{
	atomic {
		alive[gen] = true;
		current[gen] = NONE;
		run worker(gen)
	}
}

inline record(job)
{
	recorded[job]++;
	assert(recorded[job] == 1);
	done++
}

inline harvest_one()
{
	cq[gen] ? job;
#ifndef NO_TABLE
	assert(inflight[job]);
#endif
	inflight[job] = false;
	count--;
	record(job)
}

inline recover()
{
#ifndef NO_FINAL_HARVEST
	do
	:: cq[gen] ? [job] -> harvest_one()
	:: empty(cq[gen]) -> break
	od;
#endif
	/* The queue is the set of jobs neither in flight nor recorded, the lowest first: its front. */
	job = 0;
	do
	:: job < JOBS -> inflight[job] = false; job++
	:: else -> break
	od;
	count = 0;
	gen++;
	start()
}

active proctype broker()
{
	byte	gen, job, next, count, done;
	bool	inflight[JOBS];

	start();
	do
	:: done == JOBS -> break
	:: done < JOBS && count < WINDOW ->
		d_step {
			next = 0;
			do
			:: next < JOBS && (inflight[next] || recorded[next] > 0) -> next++
			:: else -> break
			od
		}
		if
		:: next < JOBS ->
			inflight[next] = true;
			count++;
			sq[gen] ! next
		:: else ->
			if
			:: nempty(cq[gen])
			:: !alive[gen]
			fi
		fi
	:: done < JOBS && nempty(cq[gen]) -> atomic { harvest_one() }
	:: done < JOBS && !alive[gen] -> atomic { recover() }
#ifdef REQUEUE_ON_TIMEOUT
	:: done < JOBS && alive[gen] && count > 0 && ended < KILLS -> atomic { ended++; recover() }
#endif
#ifdef NO_TABLE
	:: done < JOBS && gen > 0 && nempty(cq[gen - 1]) ->
		atomic { cq[gen - 1] ? job; record(job) }
#endif
	od;
	job = 0;
	do
	:: job < JOBS -> assert(recorded[job] == 1); job++
	:: else -> break
	od
}
