#include "drivers/port/vlan_port.h"

#include <utility>

namespace culvert {

VlanPort::VlanPort(std::string name, uint16_t index, Port& parent, uint16_t vid)
    : Port(std::move(name), index), parent_(parent) {
  mac = parent.mac;
  mtu = parent.mtu;
  vlan = vid;
  parent_index = parent.index();
}

}  // namespace culvert
