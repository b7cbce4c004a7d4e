/* The table of metrics, and how each is printed. A new metric is a row. */
#include "ctl/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/drop.h"
#include "base/text.h"
#include "config.h"
#include "ctl/status.h"
#include "nat/report.h"

/* --- text that grows -------------------------------------------------------------------------------------------- */

struct growing {
	char *bytes;
	size_t len, room;
	bool failed; /* no memory: what was there is gone, and nothing is added any more */
};

static bool reserve(struct growing *t, size_t more)
{
	size_t room = t->room > 0 ? t->room : 4096;

	if (t->failed || more <= t->room - t->len)
		return !t->failed;
	while (room - t->len < more)
		room *= 2;
	char *bytes = realloc(t->bytes, room);
	if (bytes == NULL) {
		free(t->bytes);
		*t = (struct growing){.failed = true};
		return false;
	}
	t->bytes = bytes;
	t->room = room;
	return true;
}

static void put_bytes(struct growing *t, const char *bytes, size_t len)
{
	if (!reserve(t, len))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static void put(struct growing *t, const char *s)
{
	put_bytes(t, s, strlen(s));
}

static void put_number(struct growing *t, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_bytes(t, digits + at, sizeof digits - at);
}

/* name="value". What is no printable UTF-8 becomes question marks: people read this too, on terminals. */
static void put_label(struct growing *t, const char *name, const char *value)
{
	put(t, name);
	put(t, "=\"");
	for (size_t left = strlen(value), n; left > 0; value += n, left -= n) {
		n = text_printable_char(value, left);
		if (*value == '\\' || *value == '"')
			put(t, "\\");
		if (*value == '\n')
			put(t, "\\n");
		else if (n == 0)
			put(t, "?");
		else
			put_bytes(t, value, n);
		n = n > 0 ? n : 1;
	}
	put(t, "\"");
}

/* --- samples ---------------------------------------------------------------------------------------------------- */

struct page {
	const struct mesh *mesh;
	const struct stages *stages;
	usec now;
	struct mesh_view node;
	struct mesh_nat nat;
	struct growing
		labels; /* of the node, then of each peer in order: each ended by a zero byte */
	struct growing out;
};

struct metric {
	const char *name, *type, *help;
	void (*put)(struct page *p, const struct metric *m);
	size_t offset; /* of the number, in what `put` looks at */
};

/* All of a line that is before its value. `own`: one label or more as they are printed, or "". */
static void put_head(struct page *p, const struct metric *m, const char *suffix, const char *labels,
		     const char *own)
{
	put(&p->out, m->name);
	put(&p->out, suffix);
	put(&p->out, "{");
	put(&p->out, labels);
	put(&p->out, own[0] != '\0' ? "," : "");
	put(&p->out, own);
	put(&p->out, "} ");
}

static void put_sample(struct page *p, const struct metric *m, const char *suffix,
		       const char *labels, const char *own, uint64_t value)
{
	put_head(p, m, suffix, labels, own);
	put_number(&p->out, value);
	put(&p->out, "\n");
}

/* Seconds since 1970 to the microsecond; 0: never, as `wg show` says it. */
static void put_seconds(struct page *p, const struct metric *m, const char *labels, usec instant)
{
	uint64_t wall = instant > 0 ? (uint64_t)instant : 0;
	char fraction[16];

	put_head(p, m, "", labels, "");
	put_number(&p->out, wall / SEC(1));
	snprintf(fraction, sizeof fraction, ".%06" PRIu64 "\n", wall % SEC(1));
	put(&p->out, wall != 0 ? fraction : "\n");
}

static uint64_t number_at(const void *base, size_t offset)
{
	uint64_t number;

	memcpy(&number, (const char *)base + offset, sizeof number);
	return number;
}

/* --- the node --------------------------------------------------------------------------------------------------- */

static void put_info(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "version=\"" PACKAGE_VERSION "\"", 1);
}

static void put_up(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "", !p->node.overlay_down);
}

static void put_mtu(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "", p->node.mtu);
}

static void put_peers(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "", p->node.peer_count);
}

static void put_drops(struct page *p, const struct metric *m)
{
#define X(id, name, meaning) [DROP_##id] = "reason=\"" name "\"",
	static const char *const reasons[DROP_COUNT] = {DROP_REASONS(X)};
#undef X

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		put_sample(p, m, "", p->labels.bytes, reasons[i], p->node.drops.count[i]);
}

/* --- the NAT ---------------------------------------------------------------------------------------------------- */

static void put_nat_info(struct page *p, const struct metric *m)
{
	const struct nat_view *v = report_view(p->nat.report);
	char own[160];

	snprintf(own, sizeof own, "mapping=\"%s\",filtering=\"%s\",port_pattern=\"%s\"",
		 report_mapping(v->mapping), report_filtering(v->filtering),
		 report_ports(v->ports));
	put_sample(p, m, "", p->labels.bytes, own, 1);
}

static void put_nat_checked(struct page *p, const struct metric *m)
{
	usec at = p->nat.report->checked_at;

	put_seconds(p, m, p->labels.bytes, at != 0 ? at + p->nat.wall_offset : 0);
}

static void put_nat_checks(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "", p->nat.started);
}

static void put_nat_attempts(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "method=\"stun\",result=\"success\"",
		   p->nat.successes);
	put_sample(p, m, "", p->labels.bytes, "method=\"stun\",result=\"failure\"",
		   p->nat.failures);
}

/* --- the stages ------------------------------------------------------------------------------------------------- */

static void put_stages(struct page *p, const struct metric *m)
{
	put_sample(p, m, "", p->labels.bytes, "", number_at(p->stages, m->offset));
}

static void put_stage(struct page *p, const struct metric *m)
{
	char own[32];

	for (int i = 0; i < STAGE_COUNT; i++) {
		snprintf(own, sizeof own, "stage=\"%s\"", stages_name(i));
		put_sample(p, m, "", p->labels.bytes, own,
			   number_at(&p->stages->stage[i], m->offset));
	}
}

/* A histogram: its buckets count what is not above their limit, those before them included. */
static void put_stage_batches(struct page *p, const struct metric *m)
{
	char own[64];

	for (int i = 0; i < STAGE_COUNT; i++) {
		const struct stage *s = &p->stages->stage[i];
		uint64_t count = 0;

		for (size_t b = 0; b < STAGE_LIMITS; b++) {
			count += s->batches[b];
			snprintf(own, sizeof own, "stage=\"%s\",le=\"%zu\"", stages_name(i),
				 stages_limit(b));
			put_sample(p, m, "_bucket", p->labels.bytes, own, count);
		}
		count += s->batches[STAGE_LIMITS];
		snprintf(own, sizeof own, "stage=\"%s\",le=\"+Inf\"", stages_name(i));
		put_sample(p, m, "_bucket", p->labels.bytes, own, count);
		snprintf(own, sizeof own, "stage=\"%s\"", stages_name(i));
		put_sample(p, m, "_sum", p->labels.bytes, own, s->batched);
		put_sample(p, m, "_count", p->labels.bytes, own, count);
	}
}

/* --- peers ------------------------------------------------------------------------------------------------------ */

/* Peers in order, each with its labels. */
struct walk {
	const struct peer *at;
	const char *labels;
	struct mesh_peer_view view;
};

static bool walk_next(struct page *p, struct walk *w)
{
	const char *before = w->at != NULL ? w->labels : p->labels.bytes;

	w->at = mesh_peer_next(p->mesh, w->at);
	if (w->at == NULL)
		return false;
	w->labels = before + strlen(before) + 1;
	mesh_peer_look(p->mesh, w->at, p->now, &w->view);
	return true;
}

static void put_peer(struct page *p, const struct metric *m)
{
	for (struct walk w = {0}; walk_next(p, &w);)
		put_sample(p, m, "", w.labels, "", number_at(&w.view, m->offset));
}

static void put_peer_handshake(struct page *p, const struct metric *m)
{
	for (struct walk w = {0}; walk_next(p, &w);)
		put_seconds(p, m, w.labels, w.view.handshake_wall);
}

static void put_peer_state(struct page *p, const struct metric *m)
{
	char own[32];

	for (struct walk w = {0}; walk_next(p, &w);) {
		for (int s = MESH_PEER_IDLE; s <= MESH_PEER_DOWN; s++) {
			snprintf(own, sizeof own, "state=\"%s\"", status_state_name(s));
			put_sample(p, m, "", w.labels, own, w.view.state == (unsigned)s);
		}
	}
}

/* --- the table -------------------------------------------------------------------------------------------------- */

#define OF_STAGES(field) put_stages, offsetof(struct stages, field)
#define OF_STAGE(field)  put_stage, offsetof(struct stage, field)
#define OF_PEER(field)   put_peer, offsetof(struct mesh_peer_view, field)

static const struct metric metrics[] = {
	{"warren_info", "gauge", "Always 1; the version is a label.", put_info, 0},
	{"warren_interface_up", "gauge", "1 when the interface is up, 0 when it was set down.",
	 put_up, 0},
	{"warren_mtu_bytes", "gauge", "MTU of the interface; 0 when it is not known yet.", put_mtu,
	 0},
	{"warren_peers", "gauge", "Peers that are configured.", put_peers, 0},
	{"warren_drops_total", "counter", "Packets that stopped here, by reason.", put_drops, 0},

	{"warren_nat_info", "gauge",
	 "Always 1; what the NAT does, as last found out, is in the labels.", put_nat_info, 0},
	{"warren_nat_checked_timestamp_seconds", "gauge",
	 "When the NAT was last looked at, in seconds since 1970; 0 for never.", put_nat_checked,
	 0},
	{"warren_nat_checks_total", "counter",
	 "Times that the NAT was looked at, those given up included.", put_nat_checks, 0},
	{"warren_nat_traversal_attempts_total", "counter",
	 "Attempts to find a way through NATs, by method; stun: checks that found the public "
	 "address.",
	 put_nat_attempts, 0},

	{"warren_stage_calls_total", "counter", "System calls of a stage of the data path.",
	 OF_STAGE(calls)},
	{"warren_stage_messages_total", "counter",
	 "What a stage moved: packets and super-packets of the TUN, UDP messages of one datagram "
	 "or "
	 "several.",
	 OF_STAGE(messages)},
	{"warren_stage_packets_total", "counter",
	 "Packets or datagrams in those messages; packets per message is how well offloads fill.",
	 OF_STAGE(packets)},
	{"warren_stage_batch_packets", "histogram",
	 "Packets of a stage in one turn of the loop, those that the host refused included.",
	 put_stage_batches, 0},
	{"warren_tun_super_packets_total", "counter",
	 "Super-packets that were read from the TUN and cut.", OF_STAGES(tun_super)},
	{"warren_tun_joined_packets_total", "counter",
	 "Packets that were written to the TUN together with others.", OF_STAGES(tun_joined)},
	{"warren_udp_apart_messages_total", "counter",
	 "UDP messages that the host did not cut: they left datagram by datagram.",
	 OF_STAGES(udp_apart)},

	{"warren_peer_received_bytes_total", "counter",
	 "Bytes of authentic datagrams from the peer, as wg counts them.", OF_PEER(rx_bytes)},
	{"warren_peer_sent_bytes_total", "counter",
	 "Bytes of datagrams to the peer, as wg counts them.", OF_PEER(tx_bytes)},
	{"warren_peer_received_packets_total", "counter", "Authentic datagrams from the peer.",
	 OF_PEER(rx_packets)},
	{"warren_peer_sent_packets_total", "counter", "Datagrams to the peer.",
	 OF_PEER(tx_packets)},
	{"warren_peer_handshakes_total", "counter", "Handshakes completed, in either role.",
	 OF_PEER(handshakes)},
	{"warren_peer_handshake_initiations_total", "counter",
	 "Handshakes begun by this node, each try counted.", OF_PEER(initiations)},
	{"warren_peer_latest_handshake_timestamp_seconds", "gauge",
	 "When the latest handshake was completed, in seconds since 1970; 0 for never.",
	 put_peer_handshake, 0},
	{"warren_peer_endpoint_changes_total", "counter",
	 "Times that the address the peer sends from changed.", OF_PEER(switches)},
	{"warren_peer_state", "gauge", "1 for the state that the peer is in, 0 for the others.",
	 put_peer_state, 0},
};

/* --- the page --------------------------------------------------------------------------------------------------- */

static void put_labels(struct page *p, const char *interface)
{
	char text[KEY_TEXT_LEN + 1], short_key[KEY_SHORT_MAX];
	const struct peer *at = NULL;
	struct growing *t = &p->labels;

	put_label(t, "interface", interface);
	put_bytes(t, "", 1);
	while ((at = mesh_peer_next(p->mesh, at)) != NULL) {
		struct mesh_peer_view v;

		mesh_peer_look(p->mesh, at, p->now, &v);
		text_base64_print(text, v.key.bytes);
		put_label(t, "interface", interface);
		put(t, ",");
		put_label(t, "peer", v.name[0] ? v.name : key_public_short(&v.key, short_key));
		put(t, ",");
		put_label(t, "public_key", text);
		put_bytes(t, "", 1);
	}
}

static void put_family(struct page *p, const struct metric *m)
{
	const char *const words[] = {"# HELP ", m->name, " ",     m->help, "\n# TYPE ",
				     m->name,   " ",     m->type, "\n"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		put(&p->out, words[i]);
	m->put(p, m);
}

char *metrics_text(const struct mesh *m, const char *interface, const struct stages *stages,
		   usec now, size_t *len)
{
	struct page p = {.mesh = m, .stages = stages, .now = now};

	mesh_look(m, &p.node);
	mesh_nat_look(m, &p.nat);
	put_labels(&p, interface);
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0] && !p.labels.failed; i++)
		put_family(&p, &metrics[i]);
	put_bytes(&p.out, "", 1);
	free(p.labels.bytes);
	if (p.out.failed || p.labels.failed) {
		free(p.out.bytes);
		return NULL;
	}
	*len = p.out.len - 1;
	return p.out.bytes;
}
