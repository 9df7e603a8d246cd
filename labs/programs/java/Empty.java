/** The smallest program there is in Java. */
public class Empty {
    public static void main(String[] arguments) {}
}
