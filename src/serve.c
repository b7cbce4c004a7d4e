/* Requests on the UAPI and the control socket (interface.md, sections 1 and 3). */
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/uapi.h"

#define UAPI_FOLDER    "/var/run/wireguard"
#define CONTROL_FOLDER "/run/warren"

/* --- UAPI ------------------------------------------------------------------------------------------------------- */

static char *answer_uapi(void *ctx, struct local_client *from, char *text, size_t len, uid_t uid,
			 size_t *answer_len)
{
	struct serve *s = ctx;
	struct delta *change = NULL;
	char *answer;
	int error = 0;
	enum uapi_request what = uapi_read(text, len, &change, &error);

	s->calls.look(s->calls.ctx);
	(void)from;
	(void)uid; /* whoever could open the socket may read and change everything, as with wireguard-go */
	if (what == UAPI_GET)
		return uapi_write_get(s->mesh, loop_now(s->loop), answer_len);

	if (what == UAPI_SET)
		error = -s->calls.apply(s->calls.ctx, change);
	delta_free(change);
	answer = key_alloc(UAPI_RESULT_MAX);
	if (answer != NULL)
		*answer_len = uapi_write_result(answer, UAPI_RESULT_MAX, what, error);
	return answer;
}

static void release_secret(char *answer)
{
	key_free(answer);
}

/* --- control ---------------------------------------------------------------------------------------------------- */

static char *answer_reload(struct serve *s, struct conf *c, struct local_client *from, size_t *len)
{
	if (s->calls.reload(s->calls.ctx, c, from))
		return LOCAL_LATER;
	return answer_error("this interface was set up by wg, not by a file: use wg syncconf", len);
}

static char *answer_listener(struct local_client *from, size_t *len)
{
	int err = local_stay(from);

	if (err == -EBUSY)
		return answer_error("as many listen already as may", len);
	return err < 0 ? answer_error("out of memory", len) : answer_events(len);
}

static char *answer_control(void *ctx, struct local_client *from, char *text, size_t len, uid_t uid,
			    size_t *answer_len)
{
	struct serve *s = ctx;
	struct answer_request request;
	struct stages stages;
	usec now = loop_now(s->loop);

	(void)len;
	s->calls.look(s->calls.ctx);
	s->calls.measure(s->calls.ctx, &stages);
	answer_read(&request, text, uid);
	switch (request.kind) {
	case ANSWER_REFUSED:
		*answer_len = request.refusal_len;
		return request.refusal;
	case ANSWER_STATUS:
		return answer_status(s->mesh, s->interface, s->host_name, &stages, now, answer_len);
	case ANSWER_METRICS:
		return answer_metrics(s->mesh, s->interface, &stages, now, answer_len);
	case ANSWER_NETCHECK:
		return answer_netcheck(
			s->mesh, request.check != 0 ? request.check : mesh_nat_want(s->mesh, now),
			answer_len);
	case ANSWER_EVENTS:
		return answer_listener(from, answer_len);
	case ANSWER_RELOAD:
		return answer_reload(s, request.conf, from, answer_len);
	case ANSWER_STOP:
		s->calls.stop(s->calls.ctx, "asked to");
		return answer_stopping(answer_len);
	}
	return NULL;
}

static void release_text(char *answer)
{
	free(answer);
}

void serve_tell_events(struct serve *s)
{
	struct event e;
	size_t len;

	while (mesh_event_take(s->mesh, &e)) {
		char *line = local_stay_count(s->control) > 0 ? answer_event(&e, &len) : NULL;
		if (line != NULL)
			local_push(s->control, line, len);
		free(line);
	}
}

/* --- both ------------------------------------------------------------------------------------------------------- */

static const struct local_protocol uapi_protocol = {
	.frame = uapi_frame,
	.answer = answer_uapi,
	.release = release_secret,
};
static const struct local_protocol control_protocol = {
	.frame = answer_frame,
	.answer = answer_control,
	.release = release_text,
	.others_max = ANSWER_OTHERS_MAX,
};

static void on_socket_removed(void *ctx)
{
	struct serve *s = ctx;

	s->calls.stop(s->calls.ctx, "the UAPI socket was removed");
}

static int open_uapi(struct serve *s, const struct serve_options *o)
{
	if (o->uapi_fd >= 0)
		return local_open_fd(&s->uapi, s->loop, o->uapi_fd, s->uapi_path, &uapi_protocol, s,
				     o->log);
	return local_open(&s->uapi, s->loop, s->uapi_path, 0600, &uapi_protocol, s, o->log);
}

int serve_open(struct serve *s, struct loop *l, struct mesh *m, struct serve_calls calls,
	       const struct serve_options *o, const char **path)
{
	int err;

	*s = (struct serve){.loop = l, .mesh = m, .calls = calls};
	snprintf(s->interface, sizeof s->interface, "%s", o->interface);
	gethostname(s->host_name, sizeof s->host_name - 1);
	snprintf(s->uapi_path, sizeof s->uapi_path, UAPI_FOLDER "/%s.sock", s->interface);
	snprintf(s->control_path, sizeof s->control_path, CONTROL_FOLDER "/%s.sock", s->interface);

	*path = s->uapi_path;
	if ((err = open_uapi(s, o)) < 0)
		return err;
	local_on_removed(s->uapi, on_socket_removed, s);
	*path = s->control_path;
	return local_open_shared(&s->control, s->loop, s->control_path, o->uid, o->gid,
				 &control_protocol, s, o->log);
}

void serve_close(struct serve *s)
{
	local_close(s->uapi);
	local_close(s->control);
	s->uapi = s->control = NULL;
}

void serve_tick(struct serve *s, usec now)
{
	local_tick(s->uapi, now);
	local_tick(s->control, now);
}

usec serve_deadline(const struct serve *s)
{
	return usec_min(local_deadline(s->uapi), local_deadline(s->control));
}
