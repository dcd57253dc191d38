import java.io.IOException;
import org.apache.lucene.index.StoredFieldVisitor;

/** A segment of an open index, by the same calls for every version of Lucene. */
interface Leaf {
    int maxDoc();

    boolean isLive(int document);

    void visit(int document, StoredFieldVisitor visitor) throws IOException;
}
