"""What IKEv1 does otherwise than IKEv2, for Pair: nothing in it is rekeyed, it is made again, and the old one may stay beside it."""

from .process import wait_until
from .traffic import Pair


class Ikev1Pair(Pair):
    """The newest SA counts: charon keeps an IKE SA that was replaced for 10 s, and a child until it runs out."""

    @staticmethod
    def newest(gateway, kind):
        """The number of the newest that is up at `gateway`; kind is ike or child."""
        sas = [sa for sa in gateway.sas() if sa.state == 'ESTABLISHED']
        found = sas if kind == 'ike' else [c for sa in sas for c in sa.children if c.state == 'INSTALLED']
        return max((one.unique_id for one in found), default=0)

    def renew(self, gateway, kind):
        """A new SA of that kind asked of `gateway`; returns when both ends have it."""
        ends = (self.a, self.b)
        before = [wait_until(lambda end=end: self.newest(end, kind), f'{end.name}: {kind} SA before the rekey', 20) for end in ends]
        gateway.rekey_newest(kind, before[ends.index(gateway)])
        for end, old in zip(ends, before):
            wait_until(lambda: self.newest(end, kind) > old, f'{end.name}: a new {kind} SA', 20)
