/* See truth.h. */
#include "sim/truth.h"

enum nat_mapping truth_mapping(const struct natbox_config *c)
{
	switch (natbox_seen_mapping(c)) {
	case NATBOX_EIM:
		return NAT_MAPPING_ENDPOINT_INDEPENDENT;
	case NATBOX_ADM:
		return NAT_MAPPING_ADDRESS_DEPENDENT;
	case NATBOX_APDM:
		return NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
	case NATBOX_NO_NAT:
		break;
	}
	return NAT_MAPPING_NONE;
}

enum nat_filtering truth_filtering(enum natbox_filtering filtering)
{
	switch (filtering) {
	case NATBOX_ADF:
		return NAT_FILTERING_ADDRESS_DEPENDENT;
	case NATBOX_APDF:
		return NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	case NATBOX_EIF:
	case NATBOX_OPEN:
		break;
	}
	return NAT_FILTERING_ENDPOINT_INDEPENDENT;
}

enum nat_ports truth_ports(const struct natbox_config *c)
{
	switch (natbox_seen_ports(c)) {
	case NATBOX_PRESERVE:
		return NAT_PORTS_PRESERVE;
	case NATBOX_SEQUENTIAL:
		return NAT_PORTS_SEQUENTIAL;
	case NATBOX_BLOCK:
		return NAT_PORTS_BLOCK;
	case NATBOX_RANDOM:
		break;
	}
	return NAT_PORTS_RANDOM;
}
