/* One table per kind of thing: the word before "=", who reads what follows, and into which field. A reader changes a copy,
 * so that a word that is wrong in its middle changes nothing. */
#include "lab/words.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define VALUE_MAX 256
#define COUNT(a)  (sizeof(a) / sizeof(a)[0])

/* --- values --------------------------------------------------------------------------------------------------------- */

/* The value up to `end` or the text's end; *rest is what follows `end`, or NULL. False when it is too long. */
static bool cut(char out[static VALUE_MAX], const char *text, char end, const char **rest)
{
	const char *at = strchr(text, end);
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);

	*rest = at != NULL ? at + 1 : NULL;
	if (len >= VALUE_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* A number of 0 or more, and what it is counted in. */
static bool number(double *out, const char *text, const char **unit)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtod(text, &end);
	*unit = end;
	return isfinite(*out);
}

static bool number_up_to(uint64_t *out, const char *text, uint64_t most)
{
	return text_u64(out, text, most) == TEXT_OK;
}

static bool time_of(usec *out, const char *text)
{
	static const struct {
		const char *name;
		double factor;
	} units[] = {{"s", 1e6}, {"ms", 1e3}, {"us", 1}};
	const char *unit;
	double n;

	if (!number(&n, text, &unit))
		return false;
	for (size_t i = 0; i < COUNT(units); i++)
		if (strcmp(unit, units[i].name) == 0 && n * units[i].factor <= 1e12) {
			*out = (usec)(n * units[i].factor + 0.5);
			return true;
		}
	return false;
}

static bool share_of(uint32_t *out, const char *text)
{
	const char *unit;
	double n;

	if (!number(&n, text, &unit) || strcmp(unit, "%") != 0 || n > 100)
		return false;
	*out = (uint32_t)(n * (LINK_CERTAIN / 100) + 0.5);
	return true;
}

static bool choice(unsigned *out, const char *text, const char *const *names)
{
	for (unsigned i = 0; names[i] != NULL; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return true;
		}
	return false;
}

/* --- fields of one value -------------------------------------------------------------------------------------------- */

struct key {
	const char *name;
	bool (*read)(void *field, const char *text, const char *const *names);
	size_t at; /* the field; 0 where the reader wants the whole */
	const char *const
		*names; /* of an enum's values, in their order, and NULL; of "no" and "yes" */
};

static bool read_enum(void *field, const char *text, const char *const *names)
{
	return choice(field, text, names);
}

static bool read_bool(void *field, const char *text, const char *const *names)
{
	unsigned i;

	if (!choice(&i, text, names))
		return false;
	*(bool *)field = i != 0;
	return true;
}

static bool read_time(void *field, const char *text, const char *const *names)
{
	(void)names;
	return time_of(field, text);
}

static bool read_share(void *field, const char *text, const char *const *names)
{
	(void)names;
	return share_of(field, text);
}

static bool read_size(void *field, const char *text, const char *const *names)
{
	uint64_t n;

	(void)names;
	if (!number_up_to(&n, text, 1 << 20))
		return false;
	*(size_t *)field = (size_t)n;
	return true;
}

/* Change *config, which `copy` is a copy of. */
static bool read_word(const struct key *keys, void *config, void *copy, size_t len,
		      const char *word)
{
	char name[VALUE_MAX];
	const char *value;

	if (!cut(name, word, '=', &value) || value == NULL)
		return false;
	for (; keys->name != NULL; keys++)
		if (strcmp(name, keys->name) == 0 &&
		    keys->read((uint8_t *)copy + keys->at, value, keys->names)) {
			memcpy(config, copy, len);
			return true;
		}
	return false;
}

/* --- a NAT ---------------------------------------------------------------------------------------------------------- */

static const char *const mappings[] = {"eim", "adm", "apdm", "no-nat", NULL};
static const char *const filterings[] = {"eif", "adf", "apdf", "open", NULL};
static const char *const port_rules[] = {"preserve", "sequential", "block", "random", NULL};
static const char *const hairpins[] = {"none", "external", "internal", NULL};
static const char *const inputs[] = {"drop", "reject", "accept", NULL};
static const char *const on_off[] = {"on", "off", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const refreshes[] = {"both", "outbound", NULL};

static bool read_ports(void *config, const char *text, const char *const *names)
{
	struct natbox_config *c = config;
	char name[VALUE_MAX];
	const char *rest;
	unsigned rule;
	uint64_t n;

	if (!cut(name, text, ':', &rest) || !choice(&rule, name, names))
		return false;
	c->ports = (enum natbox_port_rule)rule;
	switch (c->ports) {
	case NATBOX_SEQUENTIAL:
		c->step = 1;
		if (rest == NULL)
			return true;
		if (!number_up_to(&n, rest + (*rest == '-'), NATBOX_STEP_MAX) || n == 0)
			return false;
		c->step = *rest == '-' ? -(int)n : (int)n;
		return true;
	case NATBOX_BLOCK:
		n = 1024;
		if (rest != NULL && !number_up_to(&n, rest, UINT16_MAX))
			return false;
		c->block_len = (uint16_t)n;
		return true;
	case NATBOX_PRESERVE:
	case NATBOX_RANDOM:
		break;
	}
	return rest == NULL;
}

static bool read_range(void *config, const char *text, const char *const *names)
{
	struct natbox_config *c = config;
	char low[VALUE_MAX];
	const char *high;
	uint64_t from, to;

	(void)names;
	if (!cut(low, text, '-', &high) || high == NULL || !number_up_to(&from, low, UINT16_MAX) ||
	    !number_up_to(&to, high, UINT16_MAX))
		return false;
	c->port_low = (uint16_t)from;
	c->port_high = (uint16_t)to;
	return true;
}

static bool read_lifetime(void *config, const char *text, const char *const *names)
{
	struct natbox_config *c = config;
	char first[VALUE_MAX];
	const char *second;

	(void)names;
	if (!cut(first, text, ':', &second) || !time_of(&c->unconfirmed, first))
		return false;
	c->confirmed = c->unconfirmed;
	return second == NULL || time_of(&c->confirmed, second);
}

static bool read_pool(void *config, const char *text, const char *const *names)
{
	struct natbox_config *c = config;
	char one[VALUE_MAX];

	(void)names;
	for (c->pool_count = 0; text != NULL; c->pool_count++)
		if (c->pool_count == NATBOX_POOL_MAX || !cut(one, text, ',', &text) ||
		    !addr_parse_ip(&c->pool[c->pool_count], one) ||
		    c->pool[c->pool_count].family != ADDR_V4)
			return false;
	return true;
}

bool words_nat(struct natbox_config *config, const char *word)
{
#define AT(field) offsetof(struct natbox_config, field)
	static const struct key keys[] = {
		{"mapping", read_enum, AT(mapping), mappings},
		{"filtering", read_enum, AT(filtering), filterings},
		{"filtering6", read_enum, AT(filtering6), filterings},
		{"ports", read_ports, 0, port_rules},
		{"range", read_range, 0, NULL},
		{"lifetime", read_lifetime, 0, NULL},
		{"hairpin", read_enum, AT(hairpin), hairpins},
		{"input", read_enum, AT(input), inputs},
		{"udp", read_bool, AT(udp_blocked), on_off},
		{"pool", read_pool, 0, NULL},
		{"paired", read_bool, AT(paired), no_yes},
		{"overload", read_bool, AT(overload), no_yes},
		{"refresh", read_bool, AT(refresh_outbound_only), refreshes},
		{"capacity", read_size, AT(capacity), NULL},
		{NULL, NULL, 0, NULL},
	};
#undef AT
	struct natbox_config copy = *config;

	return read_word(keys, config, &copy, sizeof copy, word);
}

/* --- a cable -------------------------------------------------------------------------------------------------------- */

static bool read_burst(void *config, const char *text, const char *const *names)
{
	struct link_config *c = config;
	char begin[VALUE_MAX], end[VALUE_MAX];

	(void)names;
	return cut(begin, text, ':', &text) && text != NULL && cut(end, text, ':', &text) &&
	       text != NULL && share_of(&c->burst_begin, begin) && share_of(&c->burst_end, end) &&
	       share_of(&c->burst_loss, text);
}

static bool read_reorder(void *config, const char *text, const char *const *names)
{
	struct link_config *c = config;
	char share[VALUE_MAX];
	const char *by;

	(void)names;
	return cut(share, text, ':', &by) && by != NULL && share_of(&c->reorder, share) &&
	       time_of(&c->reorder_by, by) && c->reorder_by > 0;
}

static bool read_corrupt(void *config, const char *text, const char *const *names)
{
	struct link_config *c = config;
	char share[VALUE_MAX];
	const char *bits;
	uint64_t n = 1;

	(void)names;
	if (!cut(share, text, ':', &bits) || !share_of(&c->corrupt, share) ||
	    (bits != NULL && !number_up_to(&n, bits, 64)))
		return false;
	c->corrupt_bits = (uint32_t)n;
	return true;
}

static bool read_rate(void *field, const char *text, const char *const *names)
{
	static const double factors[] = {1, 1e3, 1e6, 1e9};
	const char *unit;
	unsigned i;
	double n;

	if (!number(&n, text, &unit) || !choice(&i, unit, names) || n * factors[i] > 1e12)
		return false;
	*(uint64_t *)field = (uint64_t)(n * factors[i] + 0.5);
	return true;
}

static const char *const multiples[] = {"", "k", "M", "G", NULL};

bool words_link(struct link_config *config, const char *word)
{
#define AT(field) offsetof(struct link_config, field)
	static const struct key keys[] = {
		{"delay", read_time, AT(delay), NULL},
		{"jitter", read_time, AT(jitter), NULL},
		{"loss", read_share, AT(loss), NULL},
		{"burst", read_burst, 0, NULL},
		{"duplicate", read_share, AT(duplicate), NULL},
		{"reorder", read_reorder, 0, NULL},
		{"corrupt", read_corrupt, 0, NULL},
		{"rate", read_rate, AT(rate), multiples},
		{"queue", read_time, AT(queue), NULL},
		{"mtu", read_size, AT(mtu), NULL},
		{"blocked", read_bool, AT(blocked), no_yes},
		{NULL, NULL, 0, NULL},
	};
#undef AT
	struct link_config copy = *config;

	return read_word(keys, config, &copy, sizeof copy, word);
}
