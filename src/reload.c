/* Reloads (reliability.md, F09 and F10). The mesh is compared with the file only when the overlay is done, so that what wg sets
 * meanwhile counts. */
#include "reload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"

static void next(struct reload *r);

/* --- the worker's ----------------------------------------------------------------------------------------------- */

static void choose_mark(void *ctx, const struct log *log)
{
	struct reload *r = ctx;

	r->err = overlay_choose_mark(r->overlay, r->requests[0].conf, log);
}

static void bring_overlay(void *ctx, const struct log *log)
{
	struct reload *r = ctx;

	r->err = overlay_apply(r->overlay, r->requests[0].conf, log);
}

static void put_overlay_back(void *ctx, const struct log *log)
{
	struct reload *r = ctx;

	overlay_apply(r->overlay, *r->loaded, log);
}

static void renew_overlay(void *ctx, const struct log *log)
{
	struct reload *r = ctx;

	overlay_renew(r->overlay, *r->loaded, log);
}

/* --- the loop's ------------------------------------------------------------------------------------------------- */

/* The first request is done with. */
static void finish(struct reload *r, char *answer, size_t len)
{
	struct local_client *client = r->requests[0].client;

	r->request_count--;
	memmove(r->requests, r->requests + 1, r->request_count * sizeof r->requests[0]);
	local_finish(client, answer, len);
	next(r);
}

static void on_put_back(void *ctx)
{
	struct reload *r = ctx;
	char why[128];
	size_t len = 0;

	r->calls.mark(r->calls.ctx, NULL);
	conf_free(r->requests[0].conf);
	snprintf(why, sizeof why, "%s: nothing was changed; the daemon's log may say more",
		 strerror(-r->err));
	char *answer = answer_error(why, &len);
	finish(r, answer, len);
}

static void on_brought(void *ctx)
{
	struct reload *r = ctx;
	struct conf *c = r->requests[0].conf;
	struct conf_list changes = {0};
	size_t len = 0;

	if (r->err == 0)
		r->err = r->calls.apply(r->calls.ctx, c, &changes);
	if (r->err == 0) {
		conf_free(*r->loaded);
		*r->loaded = c;
		char *answer = answer_changes(&changes, &len);
		finish(r, answer, len);
	} else {
		aside_start(r->aside, put_overlay_back, on_put_back, r);
	}
	conf_list_free(&changes);
}

static void on_chosen(void *ctx)
{
	struct reload *r = ctx;

	if (r->err < 0) {
		on_put_back(r);
		return;
	}
	r->calls.mark(r->calls.ctx, r->requests[0].conf);
	aside_start(r->aside, bring_overlay, on_brought, r);
}

static void on_renewed(void *ctx)
{
	next(ctx);
}

static void next(struct reload *r)
{
	if (aside_busy(r->aside))
		return;
	if (r->renew) {
		r->renew = false;
		aside_start(r->aside, renew_overlay, on_renewed, r);
	} else if (r->request_count > 0) {
		aside_start(r->aside, choose_mark, on_chosen, r);
	}
}

void reload_ask(struct reload *r, struct conf *c, struct local_client *client)
{
	assert(r->request_count < LOCAL_CLIENTS); /* each is a client that waits */
	r->requests[r->request_count++] = (struct reload_request){.conf = c, .client = client};
	next(r);
}

void reload_renew(struct reload *r)
{
	if (r->aside == NULL || *r->loaded == NULL)
		return;
	r->renew = true;
	next(r);
}

int reload_open(struct reload *r, struct loop *l, struct overlay *o, struct conf **loaded,
		struct reload_calls calls, const struct log *log)
{
	*r = (struct reload){
		.aside = aside_new(l, log),
		.overlay = o,
		.loaded = loaded,
		.calls = calls,
	};
	return r->aside != NULL ? 0 : -errno;
}

void reload_close(struct reload *r)
{
	aside_free(r->aside);
	for (size_t i = 0; i < r->request_count; i++)
		conf_free(r->requests[i].conf);
	*r = (struct reload){0};
}
