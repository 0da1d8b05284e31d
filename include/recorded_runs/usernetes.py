"""flux-usernetes: bare logs of LAMMPS and OSU, the arm in the folder and the factors in the name.

Source: https://github.com/converged-computing/flux-usernetes, `aws/experiment/final`.
"""

from __future__ import annotations

from include.recorded_runs.paths import Paths

ADAPTER = Paths(
    "…/results-lammps/{arm}/lammps-{nodes}-{ranks}-{repeat}.out",
    "…/results-osu/{arm}/{_}-{nodes}-{ranks}-{repeat}.out",
    title="usernetes",
)
