import java.io.FileInputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** A TLS client without a fault; the others override one method. Arguments: ADDRESS PORT HOST CA FOLDER. */
class Correct {
    String identification() {
        return "HTTPS";
    }

    TrustManager[] trustManagers(KeyStore anchors) throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(anchors);
        return factory.getTrustManagers();
    }

    void run(String address, int port, String host, String ca) throws Exception {
        KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
        anchors.load(null);
        try (FileInputStream file = new FileInputStream(ca)) {
            anchors.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trustManagers(anchors), null);
        Socket plain = new Socket(InetAddress.getByName(address), port);
        try (SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true)) {
            var parameters = tls.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm(identification());
            tls.setSSLParameters(parameters);
            tls.startHandshake();
            tls.getOutputStream().write(("GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n").getBytes());
            tls.getInputStream().transferTo(System.out);
        }
    }

    void start(String[] words) {
        try {
            run(words[0], Integer.parseInt(words[1]), words[2], words[3]);
        } catch (Exception refused) {
            System.err.println(refused);
            System.exit(1);
        }
    }

    public static void main(String[] words) {
        new Correct().start(words);
    }
}
