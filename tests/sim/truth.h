/* What natcheck has to say of a NAT of the model, if it says anything. */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "nat/report.h"
#include "sim/natbox.h"

/* As it shows: see natbox_seen_mapping(), natbox_seen_ports(). */
enum nat_mapping truth_mapping(const struct natbox_config *c);
enum nat_filtering truth_filtering(enum natbox_filtering filtering);
enum nat_ports truth_ports(const struct natbox_config *c);

#endif
