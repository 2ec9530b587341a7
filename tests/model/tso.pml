/*
 * tso.pml - memory as x86 has it, for the models of the wake-up.
 *
 * Each side's stores go through a buffer of its own, first in first out, and reach memory some time later.
 * Each word has one writer, which knows what it wrote, so no load is served from a buffer.  ARM is argued
 * by the C11 fences and not modelled.
 */
#define TAIL	0	/* written by the producer: items published */
#define KICK	1	/* written by the producer: wake-ups */
#define SLEEP	2	/* written by the consumer: epoch, odd while it sleeps */
#define WORDS	3

#define BUFFERED	3

byte mem[WORDS];
chan by_producer = [BUFFERED] of { byte, byte };
chan by_consumer = [BUFFERED] of { byte, byte };

active proctype producer_stores()
{
	byte	word, value;
end:
	do
	:: d_step { by_producer ? word, value -> mem[word] = value; word = 0; value = 0 }
	od
}

active proctype consumer_stores()
{
	byte	word, value;
end:
	do
	:: d_step { by_consumer ? word, value -> mem[word] = value; word = 0; value = 0 }
	od
}

#define FENCE_PRODUCER	(empty(by_producer))
#define FENCE_CONSUMER	(empty(by_consumer))
