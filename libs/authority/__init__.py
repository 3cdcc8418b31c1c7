"""Who may arm: operators' keys, their signatures, and whether the signatures of an arm are enough."""
