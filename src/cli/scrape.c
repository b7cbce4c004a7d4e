/* metrics: asks the daemons, and makes one page of what they say. Prometheus wants all samples of a metric together, behind its one
 * HELP and TYPE. */
#include "cli/scrape.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/daemons.h"

#define ANSWER_FOR SEC(2)
#define HELP       "# HELP "

/* --- pages ------------------------------------------------------------------------------------------------------ */

/* A metric of a page: from its HELP to the next. */
struct family {
	const char *text; /* NULL: there is none */
	size_t len, name_len;
};

static const char *name_of(const struct family *f)
{
	return f->text + strlen(HELP);
}

/* The family that begins at `text`. */
static struct family family_at(const char *text)
{
	const char *next = strstr(text, "\n" HELP);
	struct family f = {.text = text};

	f.len = next != NULL ? (size_t)(next + 1 - text) : strlen(text);
	f.name_len = strcspn(name_of(&f), " \n");
	return f;
}

/* Of a page, or of none: NULL is that of a daemon which did not answer. */
static struct family family_first(const char *page)
{
	return page != NULL && strncmp(page, HELP, strlen(HELP)) == 0 ? family_at(page)
								      : (struct family){0};
}

static struct family family_next(const struct family *f)
{
	return f->text[f->len] != '\0' ? family_at(f->text + f->len) : (struct family){0};
}

/* The family of this page that is called like `f`. */
static struct family family_like(const char *page, const struct family *f)
{
	struct family g = family_first(page);

	while (g.text != NULL &&
	       (g.name_len != f->name_len || memcmp(name_of(&g), name_of(f), f->name_len) != 0))
		g = family_next(&g);
	return g;
}

static bool is_in_earlier(const char *const *pages, size_t at, const struct family *f)
{
	for (size_t i = 0; i < at; i++)
		if (family_like(pages[i], f).text != NULL)
			return true;
	return false;
}

/* Of a family that was printed from another page: its samples only. */
static void print_samples(FILE *out, const struct family *f)
{
	for (const char *line = f->text, *end; line < f->text + f->len; line = end) {
		end = strchr(line, '\n');
		end = end != NULL ? end + 1 : f->text + f->len;
		if (*line != '#')
			fwrite(line, 1, (size_t)(end - line), out);
	}
}

static void print_pages(FILE *out, const char *const *pages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct family f = family_first(pages[i]);

		for (; f.text != NULL; f = family_next(&f)) {
			if (is_in_earlier(pages, i, &f))
				continue;
			fwrite(f.text, 1, f.len, out);
			for (size_t j = i + 1; j < count; j++) {
				struct family more = family_like(pages[j], &f);
				if (more.text != NULL)
					print_samples(out, &more);
			}
		}
	}
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

/* The page of one daemon in *reply, which holds it; NULL after saying why there is none. */
static const char *ask(const struct cli *cli, const char *interface, json_t **reply,
		       enum cli_exit *result)
{
	const char *page;

	*result = ask_daemon(cli, interface, "{\"cmd\":\"metrics\"}", ANSWER_FOR, reply);
	if (*result == CLI_NOT_RUNNING)
		daemons_tell_missing(cli, interface);
	if (*result != CLI_OK)
		return NULL;
	page = json_string_value(json_object_get(*reply, "metrics"));
	if (page == NULL) {
		fprintf(cli->err, "warren: %s: the daemon's answer has no metrics\n", interface);
		*result = CLI_FAILED;
	}
	return page;
}

/* What there is, is printed: the worst result is that of all. */
static enum cli_exit scrape(const struct cli *cli, char **interfaces, size_t count)
{
	const char **pages = calloc(count, sizeof *pages);
	json_t **replies = calloc(count, sizeof *replies);
	enum cli_exit worst = CLI_OK;

	if (pages != NULL && replies != NULL) {
		for (size_t i = 0; i < count; i++) {
			enum cli_exit result;
			pages[i] = ask(cli, interfaces[i], &replies[i], &result);
			if (worst != CLI_FAILED && result != CLI_OK)
				worst = result;
		}
		print_pages(cli->out, pages, count);
		for (size_t i = 0; i < count; i++)
			json_decref(replies[i]);
	} else {
		fputs("warren: out of memory\n", cli->err);
		worst = CLI_FAILED;
	}
	free(pages);
	free(replies);
	return worst;
}

static enum cli_exit scrape_all(const struct cli *cli)
{
	enum cli_exit result = CLI_NOT_RUNNING;
	char **interfaces;
	size_t count;

	if (!daemons_list(cli, &interfaces, &count))
		return CLI_FAILED;
	if (count == 0)
		daemons_tell_none(cli);
	else
		result = scrape(cli, interfaces, count);
	daemons_free(interfaces, count);
	return result;
}

enum cli_exit scrape_metrics(const struct cli *cli, int argc, char **argv)
{
	if (argc == 0)
		return scrape_all(cli);
	if (argv[0][0] == '-') {
		fprintf(cli->err, "warren: metrics does not know `%s`\n", argv[0]);
		return CLI_USAGE;
	}
	return daemons_is_name(cli, argv[0]) ? scrape(cli, argv, 1) : CLI_USAGE;
}
