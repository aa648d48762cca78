"""Builds and runs the real multiprocessing graph that a scenario describes.

    runner ──fork──> supervisor ──fork──> main program ──start()──> processes
      │               │                     │                        │
      │ reads         │ holds the           │ executes the plan,     │ bootstrap, then the target
      │ all segments, │ deadline, sees      │ step by step           │
      │ emits events  │ exits, sweeps       │                        │
      └───────────────┴── segments in the run's folder ──────────────┘

Spawned children import this package, so it imports nothing by itself.
"""
