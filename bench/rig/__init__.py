"""What the gateway's benchmark is made of: a service, clients, and the proxies between them."""
