/*
 * round.pml - both directions at once: the broker keeps WINDOW jobs in flight in a cpu worker, and both
 * sleep whenever they have nothing to do.  The worker is woken by its kick word, the broker by its eventfd.
 * The stores of each side for both purposes go through one buffer.  A lost wake-up in either direction is
 * an invalid end state.
 *
 * Mutations: NO_SUBMIT_FENCE, NO_SIGNAL_FENCE, NO_ARM_FENCE, NO_SLEEP_FENCE.
 */
#ifndef N
#define N 3
#endif
#ifndef WINDOW
#define WINDOW 1
#endif

#define SQ	0	/* the broker's words */
#define KICK	1
#define ARM	2
#define CQ	3	/* the worker's words */
#define SLEEP	4

byte mem[5];
chan by_broker = [3] of { byte, byte };
chan by_worker = [3] of { byte, byte };
bool latched, waiting;

active proctype broker_stores()
{
	byte	word, value;
end:
	do
	:: d_step { by_broker ? word, value -> mem[word] = value; word = 0; value = 0 }
	od
}

active proctype worker_stores()
{
	byte	word, value;
end:
	do
	:: d_step { by_worker ? word, value -> mem[word] = value; word = 0; value = 0 }
	od
}

active proctype broker()
{
	byte	submitted, harvested, tail, kicks, sleeping, last_woken, epoch;

	do
	:: harvested == N -> break
	:: harvested != N ->
		if
		:: submitted < N && submitted - harvested < WINDOW ->
			submitted++;
			by_broker ! SQ, submitted;
#ifndef NO_SUBMIT_FENCE
			(empty(by_broker));
#endif
			sleeping = mem[SLEEP];
			if
			:: (sleeping & 1) && sleeping != last_woken ->
				last_woken = sleeping;
				kicks++;
				by_broker ! KICK, kicks;
				(empty(by_broker));
				waiting = false
			:: else
			fi
		:: else ->
			epoch = epoch + 2;
			by_broker ! ARM, epoch | 1;
#ifndef NO_ARM_FENCE
			(empty(by_broker));
#endif
			tail = mem[CQ];
			if
			:: tail == harvested -> atomic { latched -> latched = false }
			:: else
			fi;
			by_broker ! ARM, epoch;
			harvested = mem[CQ]
		fi
	od
}

active proctype worker()
{
	byte	head, tail, kick_seen, epoch, armed, last_signalled;

	do
	:: head == N -> break
	:: head != N ->
		tail = mem[SQ];
		if
		:: tail != head ->
			head++;
			by_worker ! CQ, head;
#ifndef NO_SIGNAL_FENCE
			(empty(by_worker));
#endif
			armed = mem[ARM];
			if
			:: (armed & 1) && armed != last_signalled ->
				last_signalled = armed;
				(empty(by_worker));
				latched = true
			:: else
			fi
		:: else ->
			kick_seen = mem[KICK];
			epoch = epoch + 2;
			by_worker ! SLEEP, epoch | 1;
#ifndef NO_SLEEP_FENCE
			(empty(by_worker));
#endif
			tail = mem[SQ];
			if
			:: tail == head ->
				(empty(by_worker));
				atomic {
					if
					:: mem[KICK] == kick_seen -> waiting = true
					:: else
					fi
				}
				!waiting
			:: else
			fi;
			by_worker ! SLEEP, epoch
		fi
	od
}
