/v3/update?hostname=host1.dyn.example&myip=192.0.2.10
Basic YWxpY2U6czNjcmV0
192.0.2.99
