/* The table of `warren status` and the lines of `warren events` (interface.md section 4). */
#include "cli/view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "nat/report.h"

#define COLUMNS_MIN 80
#define CELL_MAX    320 /* a name of 63 bytes, each escaped, and a word */
#define CELL_CUT    8   /* no column is cut shorter */

enum column {
	COL_PEER,
	COL_ADDRESS,
	COL_KIND,
	COL_REMOTE,
	COL_RTT,
	COL_HANDSHAKE,
	COL_BYTES,
	COL_COUNT
};

static const char *const headings[COL_COUNT] = {"PEER", "ADDRESS",   "PATH",   "",
						"RTT",  "HANDSHAKE", "RX / TX"};

struct row {
	char cell[COL_COUNT][CELL_MAX];
	const char *color; /* of COL_KIND */
};

struct table {
	struct row *rows;
	size_t count;
	size_t relayed, down, anchors;
	unsigned width[COL_COUNT];
	unsigned gap; /* between columns; PATH's two parts are always one apart */
};

#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define RED    "\x1b[31m"
#define BOLD   "\x1b[1m"
#define PLAIN  "\x1b[0m"

/* --- fields of the object --------------------------------------------------------------------------------------- */

/* A string field, "" if there is none. */
static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* A number field; false if it is null or missing. */
static bool number_of(const json_t *o, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(o, key);
	*out = json_integer_value(value);
	return json_is_integer(value);
}

static bool is(const json_t *o, const char *key, const char *text)
{
	return strcmp(text_of(o, key), text) == 0;
}

/* --- cells ------------------------------------------------------------------------------------------------------ */

/* Characters on the screen: every code point is taken for one. */
static unsigned text_width(const char *text)
{
	unsigned width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* "41s", "2d4h": the largest unit, and the next one where `units` is 2 and it is not zero. */
static void duration_text(char *out, size_t room, int64_t seconds, int units)
{
	static const struct {
		int64_t seconds;
		char name;
	} scale[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i < 3 && seconds < scale[i].seconds)
		i++;
	int used = snprintf(out, room, "%" PRId64 "%c", seconds / scale[i].seconds, scale[i].name);
	int64_t rest = i < 3 ? seconds % scale[i].seconds / scale[i + 1].seconds : 0;
	if (units == 2 && rest > 0)
		snprintf(out + used, room - (size_t)used, "%" PRId64 "%c", rest, scale[i + 1].name);
}

/* How long ago; a clock that was set back gives 0. */
static int64_t seconds_since(int64_t unix_ns, const struct view *view)
{
	return view->now_unix_ns > unix_ns ? (view->now_unix_ns - unix_ns) / 1000000000 : 0;
}

static void amount_text(char *out, size_t room, int64_t bytes, double unit)
{
	double amount = (double)bytes / unit;

	snprintf(out, room, bytes == 0 || amount >= 9.95 || unit < 2 ? "%.0f" : "%.1f", amount);
}

/* "1.2 / 0.9 MiB": both in the unit of the larger. */
static void bytes_cell(char *out, int64_t rx, int64_t tx)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double most = (double)(rx > tx ? rx : tx), unit = 1;
	char rx_text[32], tx_text[32];
	size_t i = 0;

	for (; most / unit >= 999.5 && i < 6; i++)
		unit *= 1024;
	amount_text(rx_text, sizeof rx_text, rx, unit);
	amount_text(tx_text, sizeof tx_text, tx, unit);
	snprintf(out, CELL_MAX, "%s / %s %s", rx_text, tx_text, units[i]);
}

static void rtt_cell(char *out, const json_t *path)
{
	int64_t us;

	if (!number_of(path, "rtt_us", &us))
		snprintf(out, CELL_MAX, "-");
	else if (us < 10000)
		snprintf(out, CELL_MAX, "%.1f ms", (double)us / 1000);
	else
		snprintf(out, CELL_MAX, "%" PRId64 " ms", (us + 500) / 1000);
}

/* The first allowed IP; a single host without its length. */
static void address_cell(char *out, const json_t *peer)
{
	const char *text =
		json_string_value(json_array_get(json_object_get(peer, "allowed_ips"), 0));
	log_escape(out, CELL_MAX, text ? text : "-");

	char *slash = strchr(out, '/');
	if (slash && strcmp(slash, strchr(out, ':') ? "/128" : "/32") == 0)
		*slash = '\0';
}

/* Why a path is not direct, for a person; words we do not know are shown as they are. */
static const char *reason_text(const char *reason)
{
	static const char *const texts[][2] = {
		{"in-progress", "trying direct"},          {"own-hard", "our NAT: hard"},
		{"peer-hard", "their NAT: hard"},          {"both-hard", "both NATs: hard"},
		{"peer-udp-blocked", "UDP blocked there"}, {"own-udp-blocked", "UDP blocked here"},
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(reason, texts[i][0]) == 0)
			return texts[i][1];
	return reason;
}

static bool is_relayed(const json_t *path)
{
	return is(path, "kind", "anchor") || strncmp(text_of(path, "kind"), "turn-", 5) == 0;
}

static void down_cells(struct row *row, const json_t *peer, const struct view *view)
{
	char silence[48] = "";
	int64_t handshake_ns;

	if (number_of(peer, "latest_handshake_unix_ns", &handshake_ns))
		duration_text(silence, sizeof silence, seconds_since(handshake_ns, view), 2);
	snprintf(row->cell[COL_KIND], CELL_MAX, "down");
	snprintf(row->cell[COL_REMOTE], CELL_MAX, "no answer%s%s", silence[0] ? " for " : "",
		 silence);
	row->color = RED;
}

static void relayed_cells(struct row *row, const json_t *peer, const json_t *path)
{
	const char *reason = text_of(peer, "reason"), *via = text_of(path, "via");
	bool why = reason[0] && strcmp(reason, "none") != 0;
	char text[CELL_MAX];

	snprintf(text, sizeof text, "%s%s%s%s%s", via[0] ? "via " : "",
		 via[0] ? via : text_of(path, "remote"), why ? " (" : "",
		 why ? reason_text(reason) : "", why ? ")" : "");
	log_escape(row->cell[COL_KIND], CELL_MAX, text_of(path, "kind"));
	log_escape(row->cell[COL_REMOTE], CELL_MAX, text);
	row->color = YELLOW;
}

static void path_cells(struct row *row, const json_t *peer, const json_t *path,
		       const struct view *view)
{
	const char *remote = text_of(path, "remote");

	if (is(peer, "state", "down")) {
		down_cells(row, peer, view);
		return;
	}
	if (is_relayed(path)) {
		relayed_cells(row, peer, path);
		return;
	}

	/* Without a path, what it is doing says more. */
	bool open = !is(path, "kind", "none");
	log_escape(row->cell[COL_KIND], CELL_MAX,
		   open ? text_of(path, "kind") : text_of(peer, "state"));
	log_escape(row->cell[COL_REMOTE], CELL_MAX, remote[0] ? remote : "-");
	row->color = open ? GREEN : "";
}

static void fill_row(struct row *row, const json_t *peer, const struct view *view)
{
	const json_t *path = json_object_get(peer, "path");
	int64_t handshake_ns, rx, tx;
	char name[CELL_MAX - 2], ago[32];

	log_escape(name, sizeof name, text_of(peer, "name"));
	snprintf(row->cell[COL_PEER], CELL_MAX, "%s%s", name,
		 json_is_true(json_object_get(peer, "anchor")) ? " *" : "");
	address_cell(row->cell[COL_ADDRESS], peer);
	path_cells(row, peer, path, view);
	rtt_cell(row->cell[COL_RTT], path);

	if (number_of(peer, "latest_handshake_unix_ns", &handshake_ns)) {
		duration_text(ago, sizeof ago, seconds_since(handshake_ns, view), 1);
		snprintf(row->cell[COL_HANDSHAKE], CELL_MAX, "%s ago", ago);
	} else {
		snprintf(row->cell[COL_HANDSHAKE], CELL_MAX, "never");
	}

	number_of(peer, "rx_bytes", &rx);
	number_of(peer, "tx_bytes", &tx);
	if (rx > 0 || tx > 0)
		bytes_cell(row->cell[COL_BYTES], rx, tx);
	else
		snprintf(row->cell[COL_BYTES], CELL_MAX, "-");
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static unsigned table_width(const struct table *t)
{
	unsigned width = 0;

	for (int c = 0; c < COL_COUNT; c++)
		width += t->width[c] + (c == COL_COUNT - 1 ? 0 : c == COL_KIND ? 1 : t->gap);
	return width;
}

/* Columns as wide as their contents. What is too much is taken from the gaps first, then from the columns with
 * names and addresses, the widest first. */
static void fit_columns(struct table *t, unsigned columns)
{
	static const enum column cuttable[] = {COL_PEER, COL_ADDRESS, COL_REMOTE};

	for (int c = 0; c < COL_COUNT; c++) {
		t->width[c] = text_width(headings[c]);
		for (size_t i = 0; i < t->count; i++) {
			unsigned width = text_width(t->rows[i].cell[c]);
			if (width > t->width[c])
				t->width[c] = width;
		}
	}

	t->gap = 2;
	if (table_width(t) > columns)
		t->gap = 1;
	while (table_width(t) > columns) {
		unsigned *widest = &t->width[cuttable[0]];
		for (int i = 1; i < 3; i++)
			if (t->width[cuttable[i]] > *widest)
				widest = &t->width[cuttable[i]];
		if (*widest <= CELL_CUT)
			return;
		--*widest;
	}
}

/* Prints a cell, cut to `width` with two dots at its end, and padded unless it is the last. */
static void print_cell(FILE *out, const char *text, unsigned width, bool pad)
{
	unsigned have = text_width(text), keep = have > width ? width - 2 : have, printed = 0;

	for (; *text; text++) {
		bool starts = ((unsigned char)*text & 0xc0) != 0x80;
		if (starts && printed == keep)
			break;
		printed += starts;
		fputc(*text, out);
	}
	if (have > width) {
		fputs("..", out);
		printed += 2;
	}
	for (; pad && printed < width; printed++)
		fputc(' ', out);
}

static void print_line(FILE *out, const struct table *t, const char *const cells[COL_COUNT],
		       const char *color)
{
	for (int c = 0; c < COL_COUNT; c++) {
		bool last = c == COL_COUNT - 1, colored = c == COL_KIND && color[0];
		fputs(colored ? color : "", out);
		print_cell(out, cells[c], t->width[c], !last);
		fputs(colored ? PLAIN : "", out);
		for (unsigned gap = last ? 0 : c == COL_KIND ? 1 : t->gap; gap > 0; gap--)
			fputc(' ', out);
	}
	fputc('\n', out);
}

static void print_table(FILE *out, const struct table *t, const struct view *view)
{
	print_line(out, t, headings, "");
	for (size_t i = 0; i < t->count; i++) {
		const char *cells[COL_COUNT];
		for (int c = 0; c < COL_COUNT; c++)
			cells[c] = t->rows[i].cell[c];
		print_line(out, t, cells, view->color ? t->rows[i].color : "");
	}

	if (t->anchors)
		fprintf(out, "* anchor.%s", t->relayed || t->down ? "   " : "");
	if (t->relayed)
		fprintf(out, "%zu relayed%s", t->relayed, t->down ? ", " : "");
	if (t->down)
		fprintf(out, "%zu down", t->down);
	if (t->anchors || t->relayed || t->down)
		fputc('\n', out);
}

/* --- the lines above it ----------------------------------------------------------------------------------------- */

/* In the words of the report; those we do not know are shown as they are. */
static void nat_text(char *out, size_t room, const json_t *nat)
{
	const char *mapping = text_of(nat, "mapping");
	struct nat_view v = {.blocked = json_is_true(json_object_get(nat, "udp_blocked")) ? NAT_YES
											  : NAT_NO};
	char head[REPORT_HEADLINE_MAX], text[CELL_MAX];
	bool known = report_read_mapping(&v.mapping, mapping) || v.blocked == NAT_YES;

	report_read_filtering(&v.filtering, text_of(nat, "filtering"));
	report_read_ports(&v.ports, text_of(nat, "port_pattern"));
	snprintf(text, sizeof text, "NAT: %s",
		 known || !mapping[0] ? report_headline(&v, head) : mapping);
	log_escape(out, room, text);
}

static void print_node(FILE *out, const json_t *status, const struct view *view, unsigned columns)
{
	char interface[CELL_MAX], name[CELL_MAX], port[32] = "no port", nat[CELL_MAX],
						  reason[CELL_MAX];
	int64_t number;

	log_escape(interface, sizeof interface, text_of(status, "interface"));
	log_escape(name, sizeof name, text_of(status, "name"));
	log_escape(reason, sizeof reason, text_of(status, "health_reason"));
	nat_text(nat, sizeof nat, json_object_get(status, "nat"));
	if (number_of(status, "listen_port", &number))
		snprintf(port, sizeof port, "port %" PRId64, number);

	unsigned width =
		text_width(interface) + text_width(name) + text_width(port) + text_width(nat) + 6;
	fprintf(out, "%s%s%s  %s  %s%s%s\n", view->color ? BOLD : "", interface,
		view->color ? PLAIN : "", name, port, width > columns ? "\n  " : "  ", nat);
	if (!is(status, "health", "healthy")) {
		const char *color = is(status, "health", "unhealthy") ? RED : YELLOW;
		fprintf(out, "%s%s%s: %s\n", view->color ? color : "",
			is(status, "health", "unhealthy") ? "unhealthy" : "degraded",
			view->color ? PLAIN : "", reason);
	}
}

static bool fill_table(struct table *t, const json_t *peers, const struct view *view)
{
	t->count = json_array_size(peers);
	t->rows = calloc(t->count + 1, sizeof *t->rows);
	if (!t->rows)
		return false;

	for (size_t i = 0; i < t->count; i++) {
		const json_t *peer = json_array_get(peers, i);
		fill_row(&t->rows[i], peer, view);
		bool down = is(peer, "state", "down");
		t->down += down;
		t->relayed += !down && is_relayed(json_object_get(peer, "path"));
		t->anchors += json_is_true(json_object_get(peer, "anchor"));
	}
	return true;
}

char *view_status(const char *json, const struct view *view)
{
	unsigned columns = view->columns > COLUMNS_MIN ? view->columns : COLUMNS_MIN;
	json_t *status = json_loads(json, 0, NULL);
	struct table table = {0};
	size_t len;
	char *text = NULL;
	FILE *out = NULL;

	if (!is(status, "schema", "warren.status/1") ||
	    !fill_table(&table, json_object_get(status, "peers"), view))
		goto done;
	out = open_memstream(&text, &len);
	if (!out)
		goto done;

	print_node(out, status, view, columns);
	if (table.count > 0) {
		fputc('\n', out);
		fit_columns(&table, columns);
		print_table(out, &table, view);
	}
	if (fclose(out) != 0) {
		free(text);
		text = NULL;
	}
done:
	free(table.rows);
	json_decref(status);
	return text;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

#define EVENT_PEER   20
#define EVENT_STATES 20
#define EVENT_REASON 10

static void time_of_day(char *out, size_t room, const json_t *event)
{
	int64_t unix_ns;
	struct tm local;
	time_t seconds;

	snprintf(out, room, "%-8s", "-");
	if (!number_of(event, "time_unix_ns", &unix_ns))
		return;
	seconds = unix_ns / 1000000000;
	if (localtime_r(&seconds, &local))
		strftime(out, room, "%H:%M:%S", &local);
}

static void took_text(char *out, size_t room, const json_t *event)
{
	int64_t us;

	if (!number_of(event, "took_us", &us))
		snprintf(out, room, "-");
	else if (us < 10000)
		snprintf(out, room, "%.1f ms", (double)us / 1000);
	else if (us < 1000000)
		snprintf(out, room, "%" PRId64 " ms", us / 1000);
	else if (us < 60000000)
		snprintf(out, room, "%.1f s", (double)us / 1000000);
	else
		duration_text(out, room, us / 1000000, 2);
}

/* A text field for the screen; "-" for null. */
static void word(char out[static CELL_MAX], const json_t *event, const char *key)
{
	const char *text = text_of(event, key);

	log_escape(out, CELL_MAX, text[0] ? text : "-");
}

static void print_event(FILE *out, const json_t *event)
{
	char when[16], peer[CELL_MAX], from[CELL_MAX], to[CELL_MAX], states[2 * CELL_MAX + 4],
		reason[CELL_MAX], took[64];

	time_of_day(when, sizeof when, event);
	word(peer, event, "peer");
	word(from, event, "from");
	word(to, event, "to");
	word(reason, event, "reason");
	snprintf(states, sizeof states, "%s -> %s", from, to);
	took_text(took, sizeof took, event);

	fprintf(out, "%s  ", when);
	print_cell(out, peer, EVENT_PEER, true);
	fputs("  ", out);
	print_cell(out, states, EVENT_STATES, true);
	fputs("  ", out);
	print_cell(out, reason, EVENT_REASON, true);
	fprintf(out, "  %s\n", took);
}

char *view_event(const char *json)
{
	json_t *event = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = is(event, "schema", "warren.event/1") ? open_memstream(&text, &len) : NULL;

	if (out) {
		print_event(out, event);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	json_decref(event);
	return text;
}
