/* Life of a packet out: from the TUN to the door it leaves by (architecture.md, section 7). Three passes over a batch: find peer and
 * session for each packet; seal all of them at once; append them to the outbox in their order. */
#include "base/ip.h"
#include "mesh/mesh_impl.h"

/* Who the packet is for, its way there, and the AEAD job. */
static enum drop prepare(struct mesh *m, struct packet *p, usec now, struct outbox *out)
{
	struct mesh_work *w = &m->work;
	struct aead_job *job = &w->jobs[w->count];
	struct ip_view ip;
	struct peer *peer;
	enum drop drop;

	if (!ip_view(&ip, p->data, p->len))
		return DROP_NOT_IP;
	if (mesh_is_loop(m, &ip, p->data))
		return DROP_LOOP;
	peer = allowed_find(&m->allowed, ip.family, ip.dst);
	if (peer == NULL)
		return DROP_NO_PEER;
	if (!m->shared.local.has_secret)
		return DROP_NO_KEY;
	if (peer->via.kind == VIA_NONE)
		return DROP_NO_ENDPOINT;

	p->via = peer->via;
	drop = tunnel_send(&peer->tunnel, p, m->mtu, now, job);
	if (drop == DROP_NONE && job->key != NULL) {
		w->packets[w->count] = p;
		w->peers[w->count] = peer;
		w->count++;
	} else {
		mesh_settle(m, peer, now, out); /* it waits: an initiation leaves if one may */
	}
	return drop;
}

void mesh_outbound(struct mesh *m, struct batch *in, usec now, struct outbox *out)
{
	struct mesh_work *w = &m->work;

	w->count = 0;
	for (size_t i = 0; i < in->count; i++) {
		enum drop drop = prepare(m, &in->packets[i], now, out);
		if (drop != DROP_NONE)
			mesh_drop(m, drop);
	}

	aead_seal_batch(w->jobs, w->count);

	for (size_t i = 0; i < w->count; i++) {
		if (!outbox_net(out, w->packets[i]))
			mesh_drop(m, DROP_OUTBOX_FULL);
		if (i + 1 == w->count || w->peers[i] != w->peers[i + 1])
			mesh_settle(m, w->peers[i], now, out);
	}
}
