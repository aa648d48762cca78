"""What scenarios are made of besides processes: multiprocessing's own objects, which also record.

All are made in `creation`. Nothing is imported here: a spawned child imports the modules of the objects that it is
handed, and no more.
"""
