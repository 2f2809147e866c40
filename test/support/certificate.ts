// A certificate that signs itself, as cameras have, for localhost; valid for a hundred years. Its key protects nothing.

export const certificate = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUaLySdq8JAiI+hOPjQ0NlmWPgmXMwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGY2FtZXJhMCAXDTI2MTEyMTE4NTczN1oYDzIxMjYxMDI4MTg1
NzM3WjARMQ8wDQYDVQQDDAZjYW1lcmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARTrqUmDloI6F0ZBbW4KaqgUj+kuS40tFbhbzIGkpizuFfOq2kG79x6ZxVWxnxV
yN6eQ36LjgqeC683YwazmRUfo28wbTAdBgNVHQ4EFgQUXr0YBD836j93A8bhpogK
ayvUZMYwHwYDVR0jBBgwFoAUXr0YBD836j93A8bhpogKayvUZMYwDwYDVR0TAQH/
BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwID
SAAwRQIhAM47vkEowl/xCK9I4KfMYqUf4DMcavVnMmv1n+lfL+jTAiACaIpJRGLz
Je11UZnl2ztLKcTj1vaA9kiu/vbnP3zrXg==
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyarcWax28LTdHBcq
WwvQQsBPjXQGIDcRGN8pOTfbhNahRANCAARTrqUmDloI6F0ZBbW4KaqgUj+kuS40
tFbhbzIGkpizuFfOq2kG79x6ZxVWxnxVyN6eQ36LjgqeC683YwazmRUf
-----END PRIVATE KEY-----
`;
