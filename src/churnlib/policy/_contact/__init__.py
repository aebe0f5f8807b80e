"""How often and when a customer may be contacted."""
