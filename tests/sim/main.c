/* The simulator's program: scenarios as TAP. Without arguments all of them, a slice of each, for `make check`; --length has more. A run
 * that fails prints the command that repeats it. docs/testing.md, "Simulator". */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "crypto/crypto.h"
#include "sim/scenario.h"

static const struct scenario *const scenarios[] = {
	&scenario_mesh,  &scenario_nat,      &scenario_nat_lossy,  &scenario_swarm,
	&scenario_loss,  &scenario_disorder, &scenario_corruption, &scenario_bufferbloat,
	&scenario_sleep, &scenario_wall,     &scenario_clocks,
};
#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

struct options {
	const char *program, *scenario; /* NULL: all */
	uint64_t seed;
	unsigned seeds; /* 0: as the scenario says */
	usec span;      /* 0: the same */
	enum scenario_length length;
	bool trace;
};

/* What came of one scenario. */
struct result {
	struct tally tally;
	usec simulated, took; /* processor time */
	uint64_t hash;        /* of the first seed */
};

static usec processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return SEC(t.tv_sec) + t.tv_nsec / 1000;
}

/* False, and says why, when the run failed. */
static bool run_seed(const struct options *o, const struct scenario *s, uint64_t seed, usec span,
		     struct result *r, uint64_t *hash)
{
	usec began = processor_time();
	struct world *w = world_new(seed, o->trace);
	bool ok;

	s->run(w, span);
	r->simulated += w->now;
	r->took += processor_time() - began;
	tally_add_all(&r->tally, &w->tally);
	*hash = w->trace.hash;
	ok = !world_failed(w);
	if (!ok) {
		printf("# seed %" PRIu64 ", at %" PRId64 ".%06d s: %s\n", seed,
		       w->failed_at / SEC(1), (int)(w->failed_at % SEC(1)), w->failure);
		printf("# again: %s --scenario %s --seed %" PRIu64 " --minutes %g --trace\n",
		       o->program, s->name, seed, (double)span / SEC(60));
	}
	world_free(w);
	return ok;
}

/* The first seed is run twice: the same has to happen. */
static bool run_again(const struct options *o, const struct scenario *s, usec span,
		      const struct result *first)
{
	struct result r = {.took = 0};
	uint64_t hash;

	if (o->trace || !run_seed(o, s, o->seed, span, &r, &hash))
		return o->trace;
	if (hash != first->hash)
		printf("# seed %" PRIu64 " gave %016" PRIx64 " and then %016" PRIx64 "\n", o->seed,
		       first->hash, hash);
	return hash == first->hash;
}

static bool run_seeds(const struct options *o, const struct scenario *s, unsigned seeds, usec span,
		      struct result *r)
{
	uint64_t hash;

	for (unsigned i = 0; i < seeds; i++) {
		if (!run_seed(o, s, o->seed + i, span, r, &hash))
			return false;
		if (i == 0)
			r->hash = hash;
	}
	return run_again(o, s, span, r);
}

static void print_tally(const struct tally *t)
{
	for (size_t i = 0; i < t->count; i++)
		printf("%s%s %" PRIu64, i == 0 ? "# " : ", ", t->items[i].name, t->items[i].count);
	if (t->count > 0)
		putchar('\n');
}

static bool run_scenario(const struct options *o, const struct scenario *s, unsigned number)
{
	unsigned seeds = o->seeds != 0 ? o->seeds : s->lengths[o->length].seeds;
	usec span = o->span != 0 ? o->span : s->lengths[o->length].span;
	struct result r = {.took = 0};
	bool ok = run_seeds(o, s, seeds, span, &r);
	const char *complaint = ok && s->judge != NULL ? s->judge(&r.tally) : NULL;

	print_tally(&r.tally);
	if (complaint != NULL)
		printf("# %s\n", complaint);
	printf("# %s: %u seeds from %" PRIu64 ", %.1f minutes in %.2f s of processor time: %.0f x "
	       "real time; trace %016" PRIx64 "\n",
	       s->what, seeds, o->seed, (double)r.simulated / SEC(60), (double)r.took / SEC(1),
	       (double)r.simulated / (double)(r.took + 1), r.hash);
	ok = ok && complaint == NULL;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", number, s->name);
	return ok;
}

static void usage(FILE *to, const char *program)
{
	fprintf(to,
		"Usage: %s [--scenario NAME] [--seed N] [--seeds COUNT] [--minutes M]\n"
		"\t[--length slice|check|full] [--trace]\n"
		"Runs a simulated network. Scenarios:\n",
		program);
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(to, "  %-16s %s\n", scenarios[i]->name, scenarios[i]->what);
}

static bool read_length(enum scenario_length *out, const char *word)
{
	static const char *const words[] = {"slice", "check", "full"};

	for (unsigned i = 0; i < SCENARIO_LENGTHS; i++) {
		if (strcmp(word, words[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{"scenario", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'n'},
		{"seeds", required_argument, NULL, 'c'},
		{"minutes", required_argument, NULL, 'm'},
		{"length", required_argument, NULL, 'l'},
		{"trace", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*o = (struct options){.program = argv[0], .seed = 1};
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 's':
			o->scenario = optarg;
			break;
		case 'n':
			o->seed = strtoull(optarg, NULL, 10);
			o->seeds = o->seeds != 0 ? o->seeds : 1;
			break;
		case 'c':
			o->seeds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			o->span = (usec)(strtod(optarg, NULL) * SEC(60));
			break;
		case 'l':
			if (!read_length(&o->length, optarg))
				return false;
			break;
		case 't':
			o->trace = true;
			break;
		case 'h':
			usage(stdout, argv[0]);
			exit(0);
		default:
			return false;
		}
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o;
	unsigned number = 0;
	bool ok = true;

	setlinebuf(stdout);
	/* What one world gives back is the next one's. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
	if (!read_options(&o, argc, argv) || crypto_init(NULL) < 0) {
		usage(stderr, argv[0]);
		return 2;
	}
#ifdef WARREN_TEST_HOOKS
	if (o.scenario == NULL) {
		puts("1..0 # SKIP sessions of a build with test hooks last seconds: name a "
		     "scenario");
		return 0;
	}
#endif
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (o.scenario == NULL || strcmp(o.scenario, scenarios[i]->name) == 0)
			ok = run_scenario(&o, scenarios[i], ++number) && ok;
	}
	if (number == 0) {
		usage(stderr, argv[0]);
		return 2;
	}
	printf("1..%u\n", number);
	return ok ? 0 : 1;
}
