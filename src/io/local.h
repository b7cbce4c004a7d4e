/* A Unix socket that answers requests of text: the UAPI (requests end in a blank line) and the
 * control socket (one line). Clients that are slow, many or talk rubbish cost the loop nothing:
 * at most LOCAL_CLIENTS at once (the rest wait in the kernel's queue), a request of at most
 * LOCAL_REQUEST_MAX, 5 s to finish one, never a blocking read or write. */
#ifndef IO_LOCAL_H
#define IO_LOCAL_H

#include <stddef.h>
#include <sys/types.h>

#include "base/log.h"
#include "io/loop.h"

#define LOCAL_CLIENTS     16
#define LOCAL_REQUEST_MAX (16u << 20)
#define LOCAL_IDLE_FOR    SEC(5)
#define LOCAL_STAY_MAX    8           /* who stay, beside LOCAL_CLIENTS */
#define LOCAL_PUSH_MAX    (64u << 10) /* waits for one who stays and does not read; more: closed */

struct local;
struct local_client;

/* What local_protocol.answer returns when local_finish() is to bring the answer. */
#define LOCAL_LATER local_later
extern char local_later[];

struct local_protocol {
	/* Length of the first whole request, 0: more bytes needed, SIZE_MAX: hopeless, close. */
	size_t (*frame)(const char *text, size_t len);
	/* Answer one request: a new buffer and its length, freed with `release` after it was
	 * written. NULL: close. LOCAL_LATER: not yet. `text` is followed by a zero byte, may be
	 * changed, and is wiped afterwards. The peer's uid comes from SO_PEERCRED. Must not close
	 * the socket. */
	char *(*answer)(void *ctx, struct local_client *from, char *text, size_t len, uid_t uid,
			size_t *answer_len);
	void (*release)(char *answer);
	size_t others_max; /* the longest request of who is not uid 0; 0: LOCAL_REQUEST_MAX */
};

/* Listen at path, made with this mode, as listen_at() has it. 0 or -errno. */
int local_open(struct local **out, struct loop *l, const char *path, mode_t mode,
	       const struct local_protocol *p, void *ctx, const struct log *log);
/* The same, shared with that user and group: a socket of mode 0660 in a folder of mode 0750. */
int local_open_shared(struct local **out, struct loop *l, const char *path, uid_t uid, gid_t gid,
		      const struct local_protocol *p, void *ctx, const struct log *log);
/* As local_open on a listening descriptor that was handed to us; path may be NULL, else it is watched
 * and unlinked as above. The descriptor stays the caller's on failure. */
int local_open_fd(struct local **out, struct loop *l, int fd, const char *path,
		  const struct local_protocol *p, void *ctx, const struct log *log);
/* Removes the socket file if it is still ours, closes all clients. NULL is fine. */
void local_close(struct local *l);

/* The answer (as above, but now) to the request that was put off by LOCAL_LATER. Until then the
 * client keeps its place, also when it went away; only local_close() takes it. */
void local_finish(struct local_client *c, char *answer, size_t len);

/* While its request is answered: the client stays after that answer and gets what is pushed, until
 * it closes its side. What it says is not heard any more, nor is its time measured, and its place is
 * free for others. 0, -EBUSY when LOCAL_STAY_MAX are there already, or -ENOMEM. */
int local_stay(struct local_client *c);
/* How many stay. */
size_t local_stay_count(const struct local *l);
/* Say this to all who stay: told in the next turn, or never to who is LOCAL_PUSH_MAX behind: he is
 * closed, and the log says so. */
void local_push(struct local *l, const char *text, size_t len);

/* Call back when the socket file was removed by somebody else (inotify): a request to stop, as
 * wireguard-go has it. The callback may close the socket. */
void local_on_removed(struct local *l, void (*removed)(void *ctx), void *ctx);
/* Close clients that exceeded their time; call once a second or at local_deadline(). */
void local_tick(struct local *l, usec now);
usec local_deadline(const struct local *l);

#endif
