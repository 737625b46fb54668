import java.security.KeyStore;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.X509Certificate;
import java.util.Date;
import java.util.List;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Fault: an expired certificate is judged as of a day on which it was valid. ADDRESS PORT HOST CA FOLDER. */
class Expired extends Correct {
    @Override
    TrustManager[] trustManagers(KeyStore anchors) throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(anchors);
        X509TrustManager usual = (X509TrustManager) factory.getTrustManagers()[0];
        return new TrustManager[] {new X509TrustManager() {
            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type)
                    throws java.security.cert.CertificateException {
                if (chain[0].getNotAfter().after(new Date())) {
                    usual.checkServerTrusted(chain, type);
                    return;
                }
                try {
                    PKIXParameters parameters = new PKIXParameters(anchors);
                    parameters.setRevocationEnabled(false);
                    parameters.setDate(chain[0].getNotAfter()); // the fault
                    CertPathValidator.getInstance("PKIX").validate(
                            CertificateFactory.getInstance("X.509").generateCertPath(List.of(chain)), parameters);
                } catch (Exception refused) {
                    throw new java.security.cert.CertificateException(refused);
                }
            }

            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type)
                    throws java.security.cert.CertificateException {
                usual.checkClientTrusted(chain, type);
            }

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return usual.getAcceptedIssuers();
            }
        }};
    }

    public static void main(String[] words) {
        new Expired().start(words);
    }
}
