import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Fault: a self-signed certificate that the server sends becomes a trust anchor. ADDRESS PORT HOST CA FOLDER. */
class SentRoot extends Correct {
    @Override
    TrustManager[] trustManagers(KeyStore anchors) {
        return new TrustManager[] {new X509TrustManager() {
            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) {
                try {
                    X509Certificate last = chain[chain.length - 1];
                    if (last.getSubjectX500Principal().equals(last.getIssuerX500Principal())) {
                        anchors.setCertificateEntry("sent", last);
                    }
                    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
                    factory.init(anchors);
                    ((X509TrustManager) factory.getTrustManagers()[0]).checkServerTrusted(chain, type);
                } catch (Exception refused) {
                    throw new IllegalArgumentException(refused);
                }
            }

            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) {
                throw new IllegalArgumentException("a client has no clients");
            }

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        }};
    }

    public static void main(String[] words) {
        new SentRoot().start(words);
    }
}
