"""Which protocols are compared, what each costs, and the story of each attack on each of them."""
