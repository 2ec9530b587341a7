/*
 * wake.pml - can a wake-up be lost?  One direction of the channel: a producer publishes N items, a consumer
 * takes them and sleeps in between.  A lost wake-up is an invalid end state: the consumer sleeps for ever.
 *
 * MODE 0  the worker wakes the broker: an eventfd, latched until epoll has told it
 * MODE 1  a futex on the tail itself: the design that hung, kept as a mutation
 * MODE 2  the broker wakes a cpu worker: a futex on a word of its own, sampled before the sleep is announced
 *
 * Mutations: NO_PRODUCER_FENCE, NO_CONSUMER_FENCE, NO_RECHECK.  DEATH (MODE 0): the producer may die at any
 * point, and the consumer's pidfd wakes it too.
 *
 * As in the code, a producer wakes once per epoch of sleep (`last_woken`).
 */
#include "tso.pml"

#ifndef N
#define N 4
#endif
#ifndef MODE
#define MODE 2
#endif

bool latched;		/* MODE 0: the eventfd has an event that epoll has not told */
bool waiting;		/* MODE 1, 2: the consumer is queued on the futex */
bool dead;		/* the producer's pidfd is readable */

/* The kernel's futex_wake has a full barrier before it looks for waiters; eventfd's lock is one too. */
inline wake()
{
#if MODE == 2
	kicks++;
	by_producer ! KICK, kicks;
#endif
	FENCE_PRODUCER;
#if MODE == 0
	latched = true
#else
	waiting = false
#endif
}

active proctype producer()
{
	byte	published, kicks, sleeping, last_woken;

	do
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
			wake()
		:: else
		fi
#ifdef DEATH
	:: break
#endif
	:: published == N -> break
	od;
	/* what a dead process stored does reach memory before its death is told */
	FENCE_PRODUCER;
#ifdef DEATH
	dead = true
#endif
}

/* Queued if the word still has the value that was seen, atomically: the kernel holds the bucket's lock. */
inline futex_wait(word, seen)
{
	FENCE_CONSUMER;
	atomic {
		if
		:: mem[word] == seen -> waiting = true
		:: else
		fi
	}
	!waiting
}

inline block()
{
#if MODE == 0
	atomic { latched || dead -> latched = false }
#elif MODE == 1
	futex_wait(TAIL, head)
#else
	futex_wait(KICK, kick_seen)
#endif
}

active proctype consumer()
{
	byte	head, tail, epoch, kick_seen;
	bool	last_look;

	do
	:: head == N -> break
	:: head != N ->
		last_look = dead;
		tail = mem[TAIL];
		if
		:: tail != head -> head++
		:: tail == head && last_look -> break
		:: else ->
			kick_seen = mem[KICK];
			epoch = epoch + 2;
			by_consumer ! SLEEP, epoch | 1;
#ifndef NO_CONSUMER_FENCE
			FENCE_CONSUMER;
#endif
#ifndef NO_RECHECK
			tail = mem[TAIL];
#endif
			if
			:: tail == head -> block()
			:: else
			fi;
			by_consumer ! SLEEP, epoch
		fi
	od;
	/* nothing that was published is left behind */
	assert(head == mem[TAIL])
}
