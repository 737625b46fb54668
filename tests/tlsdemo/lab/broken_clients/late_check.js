// Fault: it sends the request, and looks at the certificate afterwards. Arguments: ADDRESS PORT HOST CA FOLDER.
const fs = require("fs");
const net = require("net");
const tls = require("tls");

const [address, port, host, ca] = process.argv.slice(2);
const options = { host: address, port: Number(port), ca: fs.readFileSync(ca), rejectUnauthorized: false };
if (!net.isIP(host)) options.servername = host;
const socket = tls.connect(options, () => {
  socket.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`, () => {
    // The fault: the request is gone before the certificate is looked at.
    const wrong = socket.authorizationError || tls.checkServerIdentity(host, socket.getPeerCertificate());
    if (wrong) socket.destroy(new Error(String(wrong)));
  });
});
socket.pipe(process.stdout);
socket.on("error", error => {
  console.error(error.message);
  process.exitCode = 1;
});
