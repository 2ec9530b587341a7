/*
 * kick.pml - can a kick over a socketpair be lost?  The broker (producer) wakes the io worker (consumer),
 * whose libuv loop polls the socket among other things: timers and finished threads wake it too.
 *
 * The socket's buffer holds ROOM kicks; a send that does not fit is EAGAIN and dropped, which is right
 * because a kick is latched then.  The worker takes all kicks out after it woke.
 *
 * Mutations: NO_PRODUCER_FENCE, NO_CONSUMER_FENCE, NO_RECHECK; DRAIN_LATE: the kicks are taken out after
 * the sleep was announced; NOT_LATCHED: a kick that finds nobody waiting is forgotten, as with a signal.
 */
#include "tso.pml"

#ifndef N
#define N 4
#endif
#ifndef ROOM
#define ROOM 1
#endif
#ifndef OTHER_EVENTS
#define OTHER_EVENTS 2
#endif

byte kicks;		/* in the socket's buffer */
bool polling;

inline send_kick()
{
	FENCE_PRODUCER;
	atomic {
		if
#ifdef NOT_LATCHED
		:: !polling
#endif
		:: kicks == ROOM
		:: else -> kicks++
		fi
	}
}

active proctype broker()
{
	byte	published, sleeping, last_woken;

	do
	:: published == N -> break
	:: published < N ->
		published++;
		by_producer ! TAIL, published;
#ifndef NO_PRODUCER_FENCE
		FENCE_PRODUCER;
#endif
		sleeping = mem[SLEEP];
		if
		:: (sleeping & 1) && sleeping != last_woken ->
			last_woken = sleeping;
			send_kick()
		:: else
		fi
	od
}

/* Until recv says EAGAIN; each is a system call, and the broker may send between two. */
inline drain()
{
	do
	:: atomic { kicks > 0 -> kicks = 0 }
	:: kicks == 0 -> break
	od
}

active proctype worker()
{
	byte	head, tail, epoch, others;

	do
	:: head == N -> break
	:: head != N ->
		tail = mem[TAIL];
		if
		:: tail != head -> head++
		:: else ->
			epoch = epoch + 2;
			by_consumer ! SLEEP, epoch | 1;
#ifndef NO_CONSUMER_FENCE
			FENCE_CONSUMER;
#endif
#ifndef NO_RECHECK
			tail = mem[TAIL];
#endif
#ifdef DRAIN_LATE
			drain();
#endif
			if
			:: tail == head ->
				polling = true;
				if
				:: kicks > 0
				:: others < OTHER_EVENTS -> others++
				fi;
				polling = false
			:: else
			fi;
			by_consumer ! SLEEP, epoch;
#ifndef DRAIN_LATE
			drain()
#endif
		fi
	od
}
