"""Targets for the acceptance tests: what a person's own workers might do, for good and ill.

They are named `actors:NAME`, wherever they stand: each module is about one matter.
"""
# ruff: noqa: F403

from actors.ends import *
from actors.excess import *
from actors.faults import *
from actors.hostile import *
from actors.identity import *
from actors.live import *
from actors.locked import *
from actors.methods import *
from actors.no_targets import *
from actors.output import *
from actors.own import *
from actors.pipes import *
from actors.polling import *
from actors.pools import *
from actors.pools_ending import *
from actors.puzzled import *
from actors.queues import *
from actors.refused import *
from actors.shared import *
from actors.stacks import *
from actors.stuck import *
from actors.sync import *
