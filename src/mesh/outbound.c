/* Life of a packet out: from the TUN to the door it leaves by (architecture.md, section 7). Three passes over a batch: find peer and
 * session for each packet; seal all of them at once; append them to the outbox in their order, behind what the peers themselves have to say. */
#include "base/ip.h"
#include "mesh/mesh_impl.h"

/* Who the packet is for, its way there, and the AEAD job. */
static enum drop prepare(struct mesh *m, struct packet *p, usec now)
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
	peer = mesh_find(m, ip.family, ip.dst);
	if (peer == NULL)
		return DROP_NO_PEER;
	if (!m->shared.local.has_secret)
		return DROP_NO_KEY;
	if (peer->via.kind == VIA_NONE)
		return DROP_NO_ENDPOINT;

	p->via = peer->via;
	drop = tunnel_send(&peer->tunnel, p, m->mtu, now, job);
	if (drop == DROP_NONE && job->key != NULL)
		w->packets[w->count++] = p;
	mesh_touch(m, peer);
	return drop;
}

void mesh_outbound(struct mesh *m, struct batch *in, usec now, struct outbox *out)
{
	struct mesh_work *w = &m->work;

	mesh_begin(m);
	for (size_t i = 0; i < in->count; i++) {
		enum drop drop = prepare(m, &in->packets[i], now);
		if (drop != DROP_NONE)
			mesh_drop(m, drop);
	}

	aead_seal_batch(w->jobs, w->count);

	/* Handshakes go before data, which fills the socket's queue; what they find no room for leaves in the next turn. */
	outbox_keep(out, w->count);
	mesh_settle_touched(m, now, out);
	for (size_t i = 0; i < w->count; i++) {
		if (!outbox_net(out, w->packets[i]))
			mesh_drop(m, DROP_OUTBOX_FULL);
	}
}
