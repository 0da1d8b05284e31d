"""SYNTHETIC logs in the formats of LAMMPS 29 Sep 2021 and 22 Jul 2025; no run printed them."""

from pathlib import Path

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
RUN6 = DATA / "run6"
FLUX_PODS = DATA / "flux_real_pods"
NO_FLUX_PODS = f"the logs of real Flux are not at {DATA.name}/{FLUX_PODS.name} beside the project"
NO_RUN6 = f"the raw logs of run 6 are not at {RUN6.parent.name}/{RUN6.name} beside the project"

LAMMPS_2021 = """\
LAMMPS (29 Sep 2021 - Update 2)
OMP_NUM_THREADS environment is not set. Defaulting to 1 thread. (src/comm.cpp:98)
  using 1 OpenMP thread(s) per MPI task
Reading data file ...
  triclinic box = (0.0000000 0.0000000 0.0000000) to (22.326000 11.141200 13.778966)
  2 by 2 by 1 MPI processor grid
  reading atoms ...
  304 atoms
  read_data CPU = 0.067 seconds
Replicating atoms ...
  4 by 1 by 1 MPI processor grid
  bounding box image = (0 -1 -1) to (0 1 1)
  bounding box extra memory = 0.03 MB
  2432 atoms
  replicate CPU = 0.119 seconds
Neighbor list info ...
  update every 20 steps, delay 0 steps, check no
Setting up Verlet run ...
  Unit style    : real
  Current step  : 0
  Time step     : 0.1
Per MPI rank memory allocation (min/avg/max) = 254.8 | 257.2 | 260.8 Mbytes
Step Temp PotEng Press E_vdwl E_coul Volume
       0          300   -113.27833    439.01979   -111.57687   -1.7014647     56153840
      10    300.78686   -113.28051    827.36847   -111.57907   -1.7014353     56153840
      20    302.44845   -113.28532    1713.1411   -111.58399   -1.7013238     56153840
Loop time of 44.004 on 4 procs for 20 steps with 2432 atoms

Performance: 0.020 ns/day, 1222.334 hours/ns, 2.273 timesteps/s
99.6% CPU use with 4 MPI tasks x 1 OpenMP threads

MPI task timing breakdown:
Section |  min time  |  avg time  |  max time  |%varavg| %total
---------------------------------------------------------------
Pair    | 20.06      | 22.501     | 25.197     |  15.1 | 51.13
Neigh   | 0.41729    | 0.43107    | 1.6627     |   4.9 |  0.98
Comm    | 0.49351    | 2.6276     | 5.3495     |  47.9 |  5.97
Output  | 0.062189   | 0.14192    | 0.28091    |   8.7 |  0.32
Modify  | 16.887     | 18.3       | 18.859     |   6.8 | 41.59
Other   |            | 0.002323   |            |       |  0.01

Nlocal:        3311.66 ave        3420 max        3236 min
Histogram: 1 0 1 0 1 0 0 0 0 1
Nghost:        12343.6 ave       12590 max       12149 min
Histogram: 2 0 0 0 1 0 0 0 0 1
Neighs:    1.09206e+06 ave 1.12482e+06 max 1.06906e+06 min
Histogram: 1 1 0 0 0 0 0 0 1 1

Total # of neighbors = 1.6424566e+09
Ave neighs/atom = 329.76183
Neighbor list builds = 5
Dangerous builds not checked
Total wall time: 0:00:45
"""
LAMMPS_2025 = """\
LAMMPS (22 Jul 2025 - Update 4)
  using 1 OpenMP thread(s) per MPI task

The 'box' command has been removed and will be ignored

Reading data file ...
  1 by 1 by 1 MPI processor grid
  304 atoms
  read_data CPU = 0.002 seconds
Replication is creating a 1x1x1 = 1 times larger system...
  1 by 1 by 1 MPI processor grid
  bounding box extra memory = 0.03 MB
  replicate CPU = 0.000 seconds
Setting up Verlet run ...
  Unit style    : real
  Current step  : 0
  Time step     : 0.1
Per MPI rank memory allocation (min/avg/max) = 78.15 | 78.15 | 78.15 Mbytes
   Step          Temp          PotEng         Press          E_vdwl         E_coul         Volume
         0   300           -113.27833      427.09088     -111.57687     -1.7014647      3427.3584
       100   307.63997     -113.30058      9424.5147     -111.60129     -1.6992878      3427.3584
Loop time of 2.7105 on 1 procs for 100 steps with 304 atoms

Performance: 0.319 ns/day, 75.292 hours/ns, 36.894 timesteps/s, 11.216 katom-step/s
99.5% CPU use with 1 MPI tasks x no OpenMP threads

MPI task timing breakdown:
Section |  min time  |  avg time  |  max time  |%varavg| %total
---------------------------------------------------------------
Pair    | 2.2076     | 2.2076     | 2.2076     |   0.0 | 81.45
Other   |            | 0.000748   |            |       |  0.03

Nlocal:            304 ave         304 max         304 min
Histogram: 1 0 0 0 0 0 0 0 0 0

Total # of neighbors = 123880
Ave neighs/atom = 407.5
Neighbor list builds = 5
Dangerous builds not checked
Total wall time: 1:02:03
"""
POSIX_TIME = "real 53.04\nuser 0.55\nsys 0.72\n"
# Flux until July 2023, as in run 6.
EVENTS_BEFORE = """\
ƒLGqfV1: 0.000s submit
ƒLGqfV1: 0.090s start
ƒLGqfV1: 0.151s exec.log
"""
EVENTS_AFTER = """\
ƒLGqfV1: 78.910s finish
ƒLGqfV1: complete: status=0
ƒLGqfV1: 78.911s clean
"""
# Flux since then: an event's context is JSON, and the blank before it stays without one.
TODAYS_EVENTS_BEFORE = """\
ƒLGqfV1: 0.000s: submit {"flags":0,"urgency":16,"userid":0,"version":1}
ƒLGqfV1: 0.012s: validate\N{SPACE}
ƒLGqfV1: 0.032s: alloc {"annotations":{"sched":{"resource_summary":"rank[0-1]/core[0-1]"}}}
ƒLGqfV1: 0.090s: start\N{SPACE}
ƒLGqfV1: 0.151s: exec.shell.init {"leader-rank":0,"service":"0-shell-fLGqfV1","size":2}
"""
TODAYS_EVENTS_AFTER = """\
ƒLGqfV1: 78.910s: finish {"status":0}
ƒLGqfV1: 78.910s: complete: status=0
ƒLGqfV1: 78.911s: release {"final":true,"ranks":"all"}
ƒLGqfV1: 78.911s: clean\N{SPACE}
"""
FLUX_TIMES = """\
FLUXTIME fluxsubmit wall time 1:19.24
broker.info[0]: rc2.0: /usr/bin/time -f FLUXTIME fluxsubmit wall time %E flux mini submit -N 8
FLUXTIME fluxstart wall time 1:02:13
"""
FOOTER = """\
Mapping for job 000c775cf727 for scheduler default-scheduler
lammps-000c-worker-0 --> node-a.example
lammps-000c-worker-1 --> node-b.example
node-a.example ran 1 pods in zone zone-1
node-b.example ran 1 pods in zone zone-1
Run configuration for job 000c775cf727:
Ranks: 188, pods: 2, pods per node: Slots per pod: 94, GiB memory per pod: 340
Launcher CPUs: 94, launcher memory in GiB: 340
MPIJob startup time for job lammps-000c is 59.592229 seconds
MPIJob runtime for job lammps-000c is 2.023995 seconds
MPIJob end-to-end time for job lammps-000c 61.616224 seconds
"""
MPI_LOG = LAMMPS_2021 + POSIX_TIME + FOOTER
FLUX_LOG = EVENTS_BEFORE + LAMMPS_2021 + EVENTS_AFTER + FLUX_TIMES
TODAYS_FLUX_LOG = TODAYS_EVENTS_BEFORE + LAMMPS_2025 + TODAYS_EVENTS_AFTER + FLUX_TIMES


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
