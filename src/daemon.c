/* The daemon on one page (architecture.md, section 6): facts go in, the outbox comes out. */
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "conf/delta_text.h"
#include "confine.h"
#include "ctl/answer.h"
#include "ctl/running.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/udp.h"
#include "mesh/mesh.h"
#include "meter.h"
#include "overlay.h"
#include "reload.h"
#include "serve.h"
#include "store.h"
#include "tun/tun.h"
#include "tun/watch.h"

#define QUEUE_LEN                                                                                  \
	500 /* packets that wait to be read: a burst of small ones; of streams see queue.h */

/* Sockets, and that the loop listens to them. */
struct doors {
	struct udp *udp; /* NULL: none */
	struct loop_watch *watches[UDP_DOORS_MAX];
};

struct daemon {
	const struct daemon_options *options;
	const struct log *log;
	struct rand rand;
	struct env env;
	struct loop *loop;
	struct tun *tun;
	struct overlay overlay; /* once started: the worker's */
	struct reload reload;
	struct store store;
	struct doors doors;
	struct loop_watch *tun_watch, *host_watch;
	usec tun_read_at;
	struct watch *watch;
	char overlay_name[HOST_NAME_MAX + 1]; /* as last told; the sockets keep their first */
	bool overlay_up;
	unsigned overlay_ups;
	struct door {
		struct daemon *daemon;
		unsigned number;
	} door[UDP_DOORS_MAX]; /* what a watch is told */
	struct serve serve;
	struct resolve *names;
	struct mesh *mesh;
	struct conf *
		conf; /* loaded last, without its keys: those are the mesh's; NULL: configured by UAPI */
	struct batch in;
	struct outbox out;
	struct stages stages; /* what the edges do not keep: meter_read() has all */
};

/* --- packets ----------------------------------------------------------------------------------------------------
 *
 * About one batch of a descriptor per turn of the loop: a millisecond of work at most, and no other waits longer. */

/* Look up the name of an endpoint. */
static void look_up(struct daemon *d, uint64_t id)
{
	const char *name = mesh_endpoint_name(d->mesh, id);

	if (name != NULL && resolve_ask(d->names, name, id) < 0)
		mesh_resolved(d->mesh, id, NULL, 0, loop_now(d->loop), &d->out);
}

static void on_net_readable(void *ctx, int events);

/* 0 or -ENOMEM. */
static int watch_door(struct daemon *d, struct doors *doors, unsigned door)
{
	d->door[door] = (struct door){.daemon = d, .number = door};
	doors->watches[door] = loop_watch(d->loop, udp_fd(doors->udp, door), LOOP_READ,
					  on_net_readable, &d->door[door]);
	return doors->watches[door] != NULL ? 0 : -ENOMEM;
}

static void close_door(struct doors *doors, unsigned door)
{
	loop_unwatch(doors->watches[door]);
	doors->watches[door] = NULL;
	udp_close_door(doors->udp, door);
}

/* A fresh door. Whatever the host refuses: what is sent on it is lost then, and who sends reckons with that. */
static void open_door(struct daemon *d, unsigned door)
{
	int err;

	close_door(&d->doors, door);
	err = udp_open_door(d->doors.udp, door);
	if (err == 0)
		err = watch_door(d, &d->doors, door);
	if (err < 0) {
		log_debug(d->log, "cannot open another UDP socket: %s", strerror(-err));
		close_door(&d->doors, door);
	}
}

/* What has to be done before datagrams leave. */
static void perform(struct daemon *d, const struct action *a)
{
	switch (a->kind) {
	case ACTION_RESOLVE:
		look_up(d, a->id);
		break;
	case ACTION_OPEN_DOOR:
		open_door(d, (unsigned)a->id);
		break;
	case ACTION_CLOSE_DOOR:
		break;
	}
}

/* And what after that: action i closes a door, unless one behind it opened the door anew. */
static void perform_late(struct daemon *d, size_t i)
{
	const struct action *a = &d->out.actions[i];

	if (a->kind != ACTION_CLOSE_DOOR)
		return;
	while (++i < d->out.action_count)
		if (d->out.actions[i].kind == ACTION_OPEN_DOOR && d->out.actions[i].id == a->id)
			return;
	close_door(&d->doors, (unsigned)a->id);
}

/* Perform all that the mesh wants done. */
static void flush(struct daemon *d)
{
	size_t failed;
	int refused;

	for (size_t i = 0; i < d->out.action_count; i++)
		perform(d, &d->out.actions[i]);
	stages_note_batch(&d->stages, STAGE_UDP_SEND, d->out.net.count);
	stages_note_batch(&d->stages, STAGE_TUN_WRITE, d->out.tun.count);
	failed = udp_send(d->doors.udp, &d->out.net);
	refused = tun_write(d->tun, &d->out.tun);

	if (failed > 0)
		mesh_count_drop(d->mesh, DROP_SEND_FAILED, failed);
	if (refused > 0)
		mesh_count_drop(d->mesh, DROP_TUN_FAILED, (uint64_t)refused);
	for (size_t i = 0; i < d->out.action_count; i++)
		perform_late(d, i);
	outbox_clear(&d->out);
	serve_tell_events(&d->serve);
}

/* Whatever happened in this turn: sleep until somebody wants something. */
static void before_sleep(void *ctx)
{
	struct daemon *d = ctx;
	usec sockets = serve_deadline(&d->serve);
	usec engines = usec_min(mesh_deadline(d->mesh), store_deadline(&d->store, d->mesh));
	usec edges = usec_min(watch_deadline(d->watch), resolve_deadline(d->names));
	usec rest = tun_pending(d->tun) ? loop_now(d->loop) : USEC_NEVER;

	loop_wake_at(d->loop, usec_min(usec_min(engines, sockets), usec_min(edges, rest)));
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs, size_t count)
{
	struct daemon *d = ctx;

	mesh_resolved(d->mesh, id, addrs, count, loop_now(d->loop), &d->out);
	flush(d);
}

/* Fill the batch from a door. What came too long for it is told by a count only. */
static size_t receive(struct daemon *d, unsigned door)
{
	uint64_t truncated = udp_stats(d->doors.udp)->truncated;
	size_t n = udp_recv(d->doors.udp, door, &d->in);

	truncated = udp_stats(d->doors.udp)->truncated - truncated;
	if (truncated > 0)
		mesh_count_drop(d->mesh, DROP_TRUNCATED, truncated);
	stages_note_batch(&d->stages, STAGE_UDP_RECEIVE, n);
	return n;
}

static void on_net_readable(void *ctx, int events)
{
	const struct door *door = ctx;
	struct daemon *d = door->daemon;
	size_t n;

	(void)events;
	/* What came last by a fresh door may have closed it. */
	for (size_t total = 0; total < BATCH_MAX && udp_fd(d->doors.udp, door->number) >= 0 &&
			       (n = receive(d, door->number)) > 0;
	     total += n) {
		mesh_inbound(d->mesh, &d->in, loop_now(d->loop), &d->out);
		flush(d);
	}
}

static void read_tun(struct daemon *d)
{
	static const enum drop reasons[] = {DROP_VNET, DROP_OFFLOAD, DROP_QUEUE};
	usec now = loop_now(d->loop);
	int n;

	if (d->tun_read_at == now) /* both the descriptor and the timer asked for it */
		return;
	d->tun_read_at = now;
	n = tun_read(d->tun, now, &d->in);
	if (n > 0) {
		stages_note_batch(&d->stages, STAGE_TUN_READ, (size_t)n);
		mesh_outbound(d->mesh, &d->in, now, &d->out);
		flush(d);
	}
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		mesh_count_drop(d->mesh, reasons[i], tun_take_dropped(d->tun, reasons[i]));
	if (n == -EBADFD) {
		log_info(d->log, "the interface was deleted: stopping");
		loop_stop(d->loop);
	}
}

static void on_tun_readable(void *ctx, int events)
{
	(void)events;
	read_tun(ctx);
}

/* It may be set at any time: at boot by years, once a time server was heard. */
static void look_at_wall_clock(struct daemon *d)
{
	d->env.wall_offset = loop_wall_offset();
}

/* --- the host's network ----------------------------------------------------------------------------------------- */

static void tell_of_overlay(struct daemon *d, const struct host *h)
{
	if (strcmp(d->overlay_name, h->overlay.name) != 0) {
		if (d->overlay_name[0] != '\0')
			log_info(
				d->log,
				"the interface is called %s now; the sockets are still those of %s",
				h->overlay.name, tun_name(d->tun));
		memcpy(d->overlay_name, h->overlay.name, sizeof d->overlay_name);
	}
	if (d->overlay_up != h->overlay.up)
		log_info(d->log, h->overlay.up
					 ? "the interface is up"
					 : "the interface is down: what peers send is dropped");
	d->overlay_up = h->overlay.up;
	if (d->overlay_ups != h->overlay.ups)
		reload_renew(&d->reload);
	d->overlay_ups = h->overlay.ups;
}

static void tell_of_host(struct daemon *d)
{
	const struct host *h = watch_host(d->watch);

	if (h->overlay.mtu > 0) { /* it is there */
		tell_of_overlay(d, h);
		mesh_mtu_changed(d->mesh, h->overlay.mtu);
	}
	mesh_host_changed(d->mesh, h, loop_now(d->loop), &d->out);
	flush(d);
}

/* Take in what the kernel has said until now. */
static void look_at_host(struct daemon *d)
{
	watch_hear(d->watch, loop_now(d->loop));
	if (watch_tick(d->watch, loop_now(d->loop)))
		tell_of_host(d);
}

static void on_host_news(void *ctx, int events)
{
	(void)events;
	look_at_host(ctx);
}

static void on_resumed(void *ctx, usec since)
{
	struct daemon *d = ctx;
	struct host *h = watch_host(d->watch);

	h->slept_at = since;
	h->woke_at = loop_now(d->loop);
	log_info(d->log, "awake after %" PRId64 " s", (h->woke_at - since) / SEC(1));
	look_at_wall_clock(d);
	tell_of_host(d);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void on_deadline(void *ctx)
{
	struct daemon *d = ctx;

	look_at_wall_clock(d);
	if (watch_tick(d->watch, loop_now(d->loop)))
		tell_of_host(d);
	mesh_tick(d->mesh, loop_now(d->loop), &d->out);
	flush(d);
	if (tun_pending(d->tun))
		read_tun(d);
	serve_tick(&d->serve, loop_now(d->loop));
	resolve_tick(d->names);
	store_tick(&d->store, d->mesh, loop_now(d->loop));
}

/* --- configuration ---------------------------------------------------------------------------------------------- */

static void close_doors(struct daemon *d, struct doors *doors)
{
	for (unsigned i = 0; i < UDP_DOORS_MAX; i++)
		loop_unwatch(doors->watches[i]);
	if (doors->udp != NULL)
		meter_add_doors(&d->stages, udp_stats(doors->udp));
	udp_close(doors->udp);
}

/* 0, or -errno and nothing is open. */
static int open_doors(struct daemon *d, uint16_t port, uint32_t fwmark, struct doors *fresh)
{
	int err = udp_open(&fresh->udp, port, fwmark, d->log);

	for (unsigned i = 0; i < UDP_DOORS && err == 0; i++)
		if (udp_fd(fresh->udp, i) >= 0)
			err = watch_door(d, fresh, i);
	if (err < 0) {
		close_doors(d, fresh);
		*fresh = (struct doors){0};
	}
	return err;
}

static bool wants_other_doors(struct daemon *d, const struct delta *change)
{
	return change->has_listen_port &&
	       (change->listen_port == 0 || change->listen_port != udp_port(d->doors.udp));
}

static void swap_doors(struct daemon *d, struct doors *other)
{
	struct doors before = d->doors;

	d->doors = *other;
	*other = before;
}

/* A change of configuration, from a file or the UAPI: all of it or nothing. 0 or -errno. */
static int apply(struct daemon *d, const struct delta *change)
{
	struct mesh_view before;
	struct doors other = {0}; /* the new ones, then the old ones; none: they stay */
	uint32_t fwmark;
	int err = 0;

	store_recall(&d->store, d->mesh, change);
	mesh_look(d->mesh, &before);
	fwmark = change->has_fwmark ? change->fwmark : before.fwmark;
	if (wants_other_doors(d, change) &&
	    (err = open_doors(d, change->listen_port, fwmark, &other)) < 0)
		return err;
	/* What the change makes leave at once leaves by the new ones. */
	if (other.udp != NULL)
		swap_doors(d, &other);
	else if (fwmark != before.fwmark)
		err = udp_set_fwmark(d->doors.udp, fwmark);

	if (err == 0)
		err = mesh_apply(d->mesh, change, loop_now(d->loop), &d->out);
	if (err == 0) {
		mesh_port_changed(d->mesh, udp_port(d->doors.udp));
		resolve_set_fwmark(d->names, fwmark);
		flush(d);
	} else if (other.udp != NULL) {
		swap_doors(d, &other);
	} else {
		udp_set_fwmark(d->doors.udp, before.fwmark);
	}
	close_doors(d, &other);
	return err;
}

static void warn_without_effect(struct daemon *d, const struct conf *c)
{
	bool anchors = c->anchor;
	struct mesh_view v;

	mesh_look(d->mesh, &v);
	if (!c->has_private_key && !v.has_private_key)
		log_warn(d->log, "the file has no PrivateKey: nothing is carried until one is set");

	for (size_t i = 0; i < c->peer_count; i++)
		anchors = anchors || c->peers[i].anchor || c->peers[i].path != CONF_PATH_AUTO;
	if (anchors || c->turn.count > 0)
		log_warn(d->log, "Anchor, Path and TURN have no effect in this version: "
				 "peers are reached at their Endpoint only");
}

/* At start: the overlay and the mesh, both here and now. */
static int apply_config(struct daemon *d, struct conf *c)
{
	int err = overlay_choose_mark(&d->overlay, c, d->log);
	struct delta *change = delta_from_conf(c);

	warn_without_effect(d, c);
	if (err == 0 && change == NULL) {
		log_error(d->log, "out of memory");
		err = -ENOMEM;
	}
	if (err == 0 && (err = overlay_apply(&d->overlay, c, d->log)) == 0 &&
	    (err = apply(d, change)) < 0)
		log_error(d->log, "cannot apply the configuration: %s", strerror(-err));
	look_at_host(d);
	delta_free(change);
	conf_forget_keys(c);
	return err;
}

/* See reload.h. A mark that goes stays until the mesh has none. */
static void mark_packets(void *ctx, const struct conf *c)
{
	struct daemon *d = ctx;
	struct mesh_view now;

	mesh_look(d->mesh, &now);
	uint32_t fwmark = c != NULL && c->fwmark != 0 ? c->fwmark : now.fwmark;
	udp_set_fwmark(d->doors.udp, fwmark);
	resolve_set_fwmark(d->names, fwmark);
}

/* Go from what the mesh has to what `c` says (reload.h). */
static int apply_reload(void *ctx, struct conf *c, struct conf_list *changes)
{
	struct daemon *d = ctx;
	struct conf *running = running_conf(d->mesh, d->conf);
	struct delta *change = running != NULL ? delta_between(running, c) : NULL;
	int err = -ENOMEM;

	look_at_wall_clock(d);
	if (change != NULL && delta_text_host(changes, d->conf, c) &&
	    delta_text(changes, change, running, c)) {
		warn_without_effect(d, c);
		err = apply(d, change);
	}
	delta_free(change);
	conf_free(running);
	look_at_host(d);
	if (err == 0) {
		conf_forget_keys(c);
		log_info(d->log, "reloaded: %zu changes", changes->count);
	} else {
		log_error(d->log, "cannot apply the configuration: %s", strerror(-err));
	}
	return err;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void look(void *ctx)
{
	look_at_wall_clock(ctx);
}

static int apply_uapi(void *ctx, const struct delta *change)
{
	look_at_host(ctx);
	return apply(ctx, change);
}

static bool reload(void *ctx, struct conf *c, struct local_client *from)
{
	struct daemon *d = ctx;

	if (d->conf == NULL) {
		conf_free(c);
		return false;
	}
	reload_ask(&d->reload, c, from);
	return true;
}

static void measure(void *ctx, struct stages *out)
{
	struct daemon *d = ctx;

	meter_read(out, &d->stages, tun_stats(d->tun), udp_stats(d->doors.udp));
}

static void stop_because(void *ctx, const char *why)
{
	struct daemon *d = ctx;

	log_info(d->log, "stopping (%s)", why);
	loop_stop(d->loop);
}

static enum daemon_exit open_sockets(struct daemon *d)
{
	const struct serve_calls calls = {
		.look = look,
		.apply = apply_uapi,
		.reload = reload,
		.measure = measure,
		.stop = stop_because,
		.ctx = d,
	};
	const struct serve_options options = {
		/* of a handed-over device: its own, as wireguard-go does */
		.interface = tun_name(d->tun),
		.uapi_fd = d->options->uapi_fd,
		.uid = d->options->user->uid,
		.gid = d->options->user->gid,
		.log = d->log,
	};
	const char *path;
	int err = serve_open(&d->serve, d->loop, d->mesh, calls, &options, &path);

	if (err == -EADDRINUSE) {
		log_error(d->log, "another daemon serves %s already", options.interface);
		return EXIT_OTHER;
	}
	if (err < 0) {
		log_error(d->log, "cannot open %s: %s", path, strerror(-err));
		return EXIT_HOST;
	}
	err = sweeper_watch(d->options->sweeper,
			    (const char *const[]){d->serve.uapi_path, d->serve.control_path}, 2);
	if (err < 0) {
		log_error(d->log, "cannot have the sockets of %s swept: %s", options.interface,
			  strerror(-err));
		return EXIT_HOST;
	}
	return EXIT_OK;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signum)
{
	struct daemon *d = ctx;

	log_info(d->log, "stopping (%s)", strsignal(signum));
	loop_stop(d->loop);
}

static enum daemon_exit open_tun(struct daemon *d)
{
	const char *name = d->options->interface;
	int err = d->options->tun_fd >= 0 ? tun_adopt(&d->tun, d->options->tun_fd)
					  : tun_open(&d->tun, name);

	if (err == -EBUSY) {
		log_error(d->log, "%s is in use by another program", name);
		return EXIT_OTHER;
	}
	if (err < 0) {
		log_error(d->log, "cannot make the TUN device %s: %s", name, strerror(-err));
		return EXIT_HOST;
	}
	log_debug(d->log, "offloads of %s: %s", tun_name(d->tun),
		  tun_offload_name(tun_offload(d->tun)));
	uint32_t queue_len = d->options->tun_fd >= 0 ? 0 : QUEUE_LEN;
	return overlay_init(&d->overlay, tun_index(d->tun), queue_len, d->log) < 0 ? EXIT_HOST
										   : EXIT_OK;
}

static enum daemon_exit open_watch(struct daemon *d)
{
	int err = watch_open(&d->watch, tun_index(d->tun));

	if (err == 0) {
		d->host_watch = loop_watch(d->loop, watch_fd(d->watch), LOOP_READ, on_host_news, d);
		err = d->host_watch == NULL ? -ENOMEM : loop_on_resume(d->loop, on_resumed, d);
	}
	if (err < 0)
		log_error(d->log, "cannot watch the host's network: %s", strerror(-err));
	return err < 0 ? EXIT_HOST : EXIT_OK;
}

static enum daemon_exit open_host(struct daemon *d)
{
	struct doors doors = {0};
	int err;

	d->loop = loop_new();
	if (d->loop == NULL || (d->mesh = mesh_new(&d->env)) == NULL || outbox_init(&d->out) < 0 ||
	    (d->names = resolve_new(d->loop, NULL, on_resolved, d, d->log)) == NULL) {
		log_error(d->log, "out of memory");
		return EXIT_HOST;
	}
	if ((err = open_doors(d, 0, 0, &doors)) < 0) {
		log_error(d->log, "cannot open a UDP socket: %s", strerror(-err));
		return EXIT_HOST;
	}
	swap_doors(d, &doors);
	mesh_port_changed(d->mesh, udp_port(d->doors.udp));
	look_at_wall_clock(d);
	loop_on_deadline(d->loop, on_deadline, d);
	loop_before_sleep(d->loop, before_sleep, d);
	if (loop_on_signal(d->loop, SIGTERM, on_signal, d) < 0 ||
	    loop_on_signal(d->loop, SIGINT, on_signal, d) < 0) {
		log_error(d->log, "out of memory");
		return EXIT_HOST;
	}
	return EXIT_OK;
}

static enum daemon_exit start(struct daemon *d)
{
	enum daemon_exit code;
	int err;

	if ((code = open_host(d)) != EXIT_OK || (code = open_tun(d)) != EXIT_OK ||
	    (code = open_watch(d)) != EXIT_OK || (code = open_sockets(d)) != EXIT_OK)
		return code;
	store_open(&d->store, d->options->state_dir, tun_name(d->tun), d->options->user->uid,
		   d->options->user->gid, d->log);
	look_at_host(d);
	if (d->conf != NULL && apply_config(d, d->conf) < 0)
		return EXIT_HOST;
	d->tun_watch = loop_watch(d->loop, tun_fd(d->tun), LOOP_READ, on_tun_readable, d);
	if (d->tun_watch == NULL) {
		log_error(d->log, "out of memory");
		return EXIT_HOST;
	}
	if (priv_drop(d->options->user, d->log) < 0)
		return EXIT_HOST;
	confine_calls(d->log);
	err = reload_open(&d->reload, d->loop, &d->overlay, &d->conf,
			  (struct reload_calls){mark_packets, apply_reload, d}, d->log);
	if (err < 0)
		log_error(d->log, "cannot start the worker: %s", strerror(-err));
	return err < 0 ? EXIT_HOST : EXIT_OK;
}

static void stop(struct daemon *d)
{
	struct doors doors = {0};

	serve_close(&d->serve);
	resolve_free(d->names);
	if (d->loop != NULL) /* else there was no memory for anything */
		store_close(&d->store, d->mesh, loop_now(d->loop));
	sweeper_end(
		d->options->sweeper); /* while the device is ours: no other daemon has this name */
	loop_unwatch(d->tun_watch);
	loop_unwatch(d->host_watch);
	watch_close(d->watch);
	reload_close(&d->reload);
	overlay_undo(&d->overlay);
	tun_close(d->tun);
	swap_doors(d, &doors);
	close_doors(d, &doors);
	mesh_free(d->mesh);
	conf_free(d->conf);
	outbox_free(&d->out);
	loop_free(d->loop);
}

enum daemon_exit daemon_run(const struct daemon_options *o)
{
	struct daemon *d = calloc(1, sizeof *d);
	enum daemon_exit code;

	if (d == NULL) {
		log_error(o->log, "out of memory");
		conf_free(o->conf);
		return EXIT_HOST;
	}
	d->options = o;
	d->store.folder = -1;
	d->conf = o->conf;
	d->log = o->log;
	d->rand = rand_system();
	answer_init();
	d->env = (struct env){.rand = &d->rand, .log = o->log};

	code = start(d);
	if (code == EXIT_OK) {
		char status[64];

		snprintf(status, sizeof status, "%s is listening on port %u", tun_name(d->tun),
			 udp_port(d->doors.udp));
		log_info(d->log, "listening on port %u", udp_port(d->doors.udp));
		notify_send(o->notify, "READY=1", status);
		o->ready(o->ready_ctx);
		loop_run(d->loop);
		notify_send(o->notify, "STOPPING=1", "stopping");
	}
	stop(d);
	free(d);
	return code;
}
