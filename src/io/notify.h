/* Readiness told to the service manager: datagrams to the socket that NOTIFY_SOCKET names (sd_notify(3)'s protocol, without its library).
 * Connected once, at start: afterwards the process need not be able to reach that path. */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

struct notify {
	int fd; /* -1: nobody wants to know */
};

/* `address` is a path, or @ and an abstract name; NULL or empty: nobody wants to know. 0 or -errno; after an error all that is told is
 * told to nobody. */
int notify_open(struct notify *n, const char *address);
void notify_close(struct notify *n);

/* One datagram: `assignment` ("READY=1", "STOPPING=1", or NULL) and the status, whose control characters are escaped, for a line feed would
 * begin another assignment. Waits at most a second for a manager that does not read: for start and end only. */
void notify_send(const struct notify *n, const char *assignment, const char *status);

#endif
