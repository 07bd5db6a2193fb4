// A certificate for 127.0.0.1 that signed itself, for a hundred years, and its key. Made by
//
//     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
//         -subj "/CN=spillway test" -addext subjectAltName=IP:127.0.0.1 -keyout - -out -
//
// It protects nothing.

export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBlzCCAT6gAwIBAgIUS5BXUn0tBTj8dzf0jmYK79AqT74wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc3BpbGx3YXkgdGVzdDAgFw0yNjExMjgxNjQyNTJaGA8yMTI2
MTEwNDE2NDI1MlowGDEWMBQGA1UEAwwNc3BpbGx3YXkgdGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABOxoGWmCunwVEFXCKY91Nu9IwZT9kcupNaqT6hiKJGGS
PkjKrh1zFTFltJJaRv98EzCf9kOJ/G89vL7lQ/CxTBajZDBiMB0GA1UdDgQWBBQx
x6BMlSC4wn4fmsuARb/5M34bszAfBgNVHSMEGDAWgBQxx6BMlSC4wn4fmsuARb/5
M34bszAPBgNVHRMBAf8EBTADAQH/MA8GA1UdEQQIMAaHBH8AAAEwCgYIKoZIzj0E
AwIDRwAwRAIgfDfy0nOXfnUPdguAVIWxYsa87/XetQf/m7fpiX3xTE0CID1t1iYA
KtUtqWTGw67/S7K0qGBiu9dvPSQWb5Niw8Uc
-----END CERTIFICATE-----
`;

export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/EBbnQb1gZoPwhFo
GgK/P7ZZqo3JnItvoNQAOt3d8hGhRANCAATsaBlpgrp8FRBVwimPdTbvSMGU/ZHL
qTWqk+oYiiRhkj5Iyq4dcxUxZbSSWkb/fBMwn/ZDifxvPby+5UPwsUwW
-----END PRIVATE KEY-----
`;
