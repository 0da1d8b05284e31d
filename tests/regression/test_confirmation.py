"""The interleaved confirmation: tonight's configuration against the last good one."""

from __future__ import annotations

import numpy as np
import pytest

from include.regression.confirmation import compare_blocks


def arms(effect, *, blocks=10, seed=1):
    random = np.random.default_rng(seed)
    night = 50 * np.exp(random.normal(0, 0.02, blocks))  # what the runs of a block share
    noise = np.exp(np.abs(random.normal(0, 0.005, (2, blocks))))
    return (night * noise[0] * effect).tolist(), (night * noise[1]).tolist()


@pytest.mark.parametrize("blocks", [10, 20])
def test_a_slower_arm_is_confirmed_with_its_effect(blocks):
    found = compare_blocks(*arms(1.05, blocks=blocks))
    assert found.is_slower
    assert found.blocks == blocks
    assert found.low < found.relative_effect < found.high
    assert found.relative_effect == pytest.approx(0.05, abs=0.02)


def test_equal_arms_are_confirmed_in_less_than_one_of_a_hundred():
    confirmed = sum(compare_blocks(*arms(1.0, seed=seed)).is_slower for seed in range(200))
    assert confirmed <= 4


def test_a_faster_arm_and_too_few_blocks_confirm_nothing():
    assert not compare_blocks(*arms(0.95)).is_slower
    assert not compare_blocks(*arms(1.2, blocks=5)).is_slower


def test_equal_times_have_no_effect():
    found = compare_blocks([50.0] * 8, [50.0] * 8)
    assert (found.relative_effect, found.p_value, found.is_slower) == (0.0, 1.0, False)


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0])])
def test_blocks_need_both_arms(ours, theirs):
    with pytest.raises(ValueError, match="both arms"):
        compare_blocks(ours, theirs)
