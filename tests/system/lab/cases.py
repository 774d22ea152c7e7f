"""Many short connections between one Culvert and one charon, one after the other."""

from .charon import Charon
from .gateway import Gateway
from .ikev1 import Ikev1Pair
from .process import LabError
from .topology import Topology
from .traffic import Pair


class Cases:
    """Culvert is a, charon b; they and our data plane run through all cases of a test, each of which has a configuration of its
    own."""

    def __init__(self, lab, settings=None, control=None):
        """settings: charon's; control: ours."""
        self.net = Topology(lab)
        self.ours = Gateway(lab, self.net.a, 'culvert-a', control=control)
        self.charon = Charon(lab, self.net.kernel(self.net.b), 'charon-b', settings=settings)
        self.pair, self._read = None, 0

    def begin(self, tunnel, conf_a=None, conf_b=None):
        """The next case: `tunnel`, by these configurations where they are more than what it says itself."""
        conf_a, conf_b = conf_a or tunnel.conf('a'), conf_b or tunnel.conf('b')
        if self.pair:
            self.charon.load(conf_b)
            self.ours.ike.stop()     # it has given up the rights to read its files anew
            self.ours.write_config(conf_a)
            self.ours.start_ike()
        else:
            self.charon.start(conf_b)
            self.ours.start(conf_a)
        kind = Ikev1Pair if tunnel.connection.get('version') == 1 else Pair
        self.pair, self._read = kind(self.net, self.ours, self.charon, tunnel), len(self.ours.log_text())

    def up(self, initiator):
        self.pair.up(initiator)
        self.net.alice.ping(self.net.bob)

    def down(self, by='a'):
        (self.ours if by == 'a' else self.charon).terminate('net')
        self.pair.expect_nothing_left()

    def refused(self):
        """Whoever begins, nothing comes up."""
        for first in (self.ours, self.charon):
            first.initiate('net', check=False)
            # What is half-open may stay so for 30 s.
            up = [sa for gateway in (self.ours, self.charon) for sa in gateway.sas() if sa.state != 'CONNECTING']
            if up:
                raise LabError(f'up all the same: {up}')

    def since(self):
        """Our log from where this case began."""
        return self.ours.log_text()[self._read:]

    def expect_said(self, *said, times=1):
        log = self.since()
        for text in said:
            if log.count(text) < times:
                raise LabError(f'our log says "{text}" {log.count(text)} times, not {times}: {log[-1200:]}')

    def end(self):
        self.net.alice.expect_no_answer(self.net.bob, 'alice reaches bob without an SA')
        self.pair.expect_order()
