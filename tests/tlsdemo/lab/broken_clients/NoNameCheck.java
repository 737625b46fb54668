/** Fault: the host name is not checked. Arguments: ADDRESS PORT HOST CA FOLDER. */
class NoNameCheck extends Correct {
    @Override
    String identification() {
        return "";
    }

    public static void main(String[] words) {
        new NoNameCheck().start(words);
    }
}
