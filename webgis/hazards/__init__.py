"""A standing danger: its grade by GB 18218, what its sensors tell, and when that is an alarm."""
