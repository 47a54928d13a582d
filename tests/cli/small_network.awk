# small_network.awk - flows for tests of the program: twelve hosts, 10.0.0.1 to 10.0.0.12, that ask web
# and name servers over a day and are answered, from a linear congruential generator. About 5000 lines of
# UGR'16 in order of time.
#   awk -f small_network.awk >real.csv
function draw(n)
{
    x = (x * 1103515245 + 12345) % 2147483648
    return int(x / 65536) % n
}

function put(from, to, from_port, to_port, packets, bytes)
{
    printf "%s,%.3f,%s,%s,%d,%d,%s,%s,0,0,%d,%d,background\n", time, web ? draw(500) / 100 : 0, from, to,
        from_port, to_port, web ? "TCP" : "UDP", web ? ".AP.SF" : ".A....", packets, packets * bytes
}

BEGIN {
    x = 7
    for (t = 60; t < 86000; t += 1 + draw(60)) {
        host = "10.0.0." (1 + draw(12))
        remote = "192.0.2." (1 + draw(9))
        port = 1024 + draw(60000)
        time = sprintf("2016-04-11 %02d:%02d:%02d", t / 3600, t / 60 % 60, t % 60)
        web = draw(3) > 0
        packets = web ? 2 + draw(9) : 1
        put(host, remote, port, web ? 80 : 53, packets, 60 + draw(600))
        if (draw(4) > 0)
            put(remote, host, web ? 80 : 53, port, packets, 80 + draw(1400))
    }
}
