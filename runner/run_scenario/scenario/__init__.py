"""What a scenario is, as frozen values: its processes, resources, steps and expectations."""
