#include "control/ike/sa/view.h"

#include <utility>

namespace culvert::ike {
namespace {

ChildView ViewOf(const ChildSa& c, const Path& path) {
  return {.id = c.id,
          .reqid = c.reqid,
          .name = c.name(),
          .state = Name(c.state),
          .suite = c.suite,
          .group = c.group,
          .udp_encap = path.encapsulates(),
          .mode = c.config->mode,
          .protocol = c.protocol,
          .spi_in = c.spi_in,
          .spi_out = c.spi_out,
          .local_ts = c.local_ts,
          .remote_ts = c.remote_ts,
          .installed = c.installed,
          .rekey_at = c.rekey_at,
          .expires_at = c.expires_at};
}

}  // namespace

IkeView ViewOf(const SaBase& sa, const Path& path, std::string state) {
  IkeView v;
  v.id = sa.id;
  v.connection = sa.ConnectionName();
  v.state = std::move(state);
  v.initiator = sa.initiator;
  v.spi_i = sa.spi_i;
  v.spi_r = sa.spi_r;
  v.local = sa.path.local;
  v.remote = sa.path.remote;
  v.local_id = sa.local_id.ToString();
  v.remote_id = sa.remote_id.ToString();
  v.nat_local = sa.path.nat_local;
  v.nat_remote = sa.path.nat_remote;
  v.established = sa.established;
  v.rekey_at = sa.rekey_at;
  v.reauth_at = sa.reauth_at;
  for (const auto& c : sa.children) v.children.push_back(ViewOf(*c, path));
  return v;
}

}  // namespace culvert::ike
