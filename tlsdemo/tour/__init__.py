"""The story in scenes, played live. EDGE."""
