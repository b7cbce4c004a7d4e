/* Counts of the edges as stages. */
#include "meter.h"

void meter_add_doors(struct stages *s, const struct udp_stats *u)
{
	struct stage *send = &s->stage[STAGE_UDP_SEND], *receive = &s->stage[STAGE_UDP_RECEIVE];

	send->calls += u->tx_calls;
	send->messages += u->tx_messages;
	send->packets += u->tx_packets;
	receive->calls += u->rx_calls;
	receive->messages += u->rx_messages;
	receive->packets += u->rx_packets;
	s->udp_apart += u->tx_apart;
}

void meter_read(struct stages *out, const struct stages *kept, const struct tun_stats *t,
		const struct udp_stats *u)
{
	struct stage *read = &out->stage[STAGE_TUN_READ], *write = &out->stage[STAGE_TUN_WRITE];

	*out = *kept;
	meter_add_doors(out, u);
	read->calls = t->rx_calls;
	read->messages = t->rx_reads;
	read->packets = t->rx_packets;
	write->calls = t->tx_calls;
	write->messages = t->tx_writes;
	write->packets = t->tx_packets;
	out->tun_super = t->rx_supers;
	out->tun_joined = t->tx_joined;
}
