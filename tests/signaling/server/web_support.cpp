// The web server's test clients serve here as well.
#include "tests/signaling/net/web_support.cpp"
