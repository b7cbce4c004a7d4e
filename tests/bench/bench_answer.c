/* How long the loop stands still while it answers on the control socket, with many peers: a markdown table. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "crypto/crypto.h"
#include "ctl/answer.h"
#include "support/env_fake.h"

#define NOW SEC(1)

static const size_t counts[] = {1, 1000, MESH_PEERS_MAX};

struct bench_node {
	struct env_fake env;
	struct mesh *mesh;
	struct outbox out;
	struct stages stages;
	size_t len; /* of the last answer */
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void prepare(struct bench_node *b, size_t count)
{
	struct delta *d = delta_new();

	env_fake_init(&b->env, 1);
	b->mesh = mesh_new(&b->env.env);
	must(d != NULL && b->mesh != NULL && outbox_init(&b->out) == 0);
	for (size_t i = 0; i < count; i++) {
		const struct key_public key = {{(uint8_t)i, (uint8_t)(i >> 8), 9}};
		struct delta_peer *p = delta_add_peer(d, &key);
		must(p != NULL);
		snprintf(p->name, sizeof p->name, "machine-%zu", i);
	}
	must(mesh_apply(b->mesh, d, NOW, &b->out) == 0);
	delta_free(d);
}

static void finish(struct bench_node *b)
{
	mesh_free(b->mesh);
	outbox_free(&b->out);
}

static void ask_metrics(void *ctx)
{
	struct bench_node *b = ctx;

	free(answer_metrics(b->mesh, "warren0", &b->stages, NOW, &b->len));
}

static void ask_status(void *ctx)
{
	struct bench_node *b = ctx;

	free(answer_status(b->mesh, "warren0", "host", &b->stages, NOW, &b->len));
}

int main(void)
{
	static struct bench_node b;

	must(crypto_init(NULL) == 0);
	answer_init();
	printf("One answer on the control socket\n\n| peers | what | ms | KiB "
	       "|\n|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		prepare(&b, counts[i]);
		double ns = bench_least_ns(ask_metrics, &b, 1);
		printf("| %zu | metrics | %.2f | %zu |\n", counts[i], ns / 1e6, b.len / 1024);
		ns = bench_least_ns(ask_status, &b, 1);
		printf("| %zu | status | %.2f | %zu |\n", counts[i], ns / 1e6, b.len / 1024);
		finish(&b);
	}
	printf("\n");
	return 0;
}
