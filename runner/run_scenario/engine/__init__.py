"""The engine: builds and runs the real multiprocessing graph that a scenario describes.

    front ──fork──> guard ──fork──> main program ──start()──> processes
      │               │                  │                        │
      │ reads         │ holds the        │ executes the plan,     │ bootstrap, then the target
      │ all segments, │ deadline, sees   │ step by step           │
      │ tells events  │ exits, sweeps    │                        │
      └───────────────┴── segments in the run's folder ───────────┘

Spawned children import this package, so it imports nothing by itself.
"""
